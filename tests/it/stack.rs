//! The deployed template on the emulator: what lies in the streams goes through the real functions.
