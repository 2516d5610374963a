//! The deployed template on the emulator: what lies in the streams goes through the real functions.
//!
//! Each test starts an emulator of its own and deploys to it, so that tests run side by side and none
//! sees what another one did. Schedules are off: what runs is what a test invokes, and the event
//! source mappings. The emulator has their happy path only, so nothing here shows retries or bisects.

mod audit;
mod by_hand;
mod dead_letters;
mod deployed;
mod events;
mod pollers;
mod quota;
mod resources;
mod streams;
mod sweeping;
