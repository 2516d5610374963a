//! Records as their readers see them: fixed texts, what the documentation says, arbitrary contents.

mod events;
mod golden;
mod sample;
