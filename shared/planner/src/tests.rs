//! The cursor over many cycles, and whole days.

mod cursor;
mod days;
