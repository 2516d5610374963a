//! Records as their readers see them: fixed texts, what the documentation says, arbitrary contents.

mod golden;
mod sample;
