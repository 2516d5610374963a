//! Dead letters, in memory.

use std::sync::Mutex;

use failure::DeadLetter;
use pipeline::port::{CallError, KeepDeadLetters};

use crate::{
    fault::{Call, Faults, call},
    interleave::give_way,
    lock,
};

/// Keeps dead letters.
#[derive(Debug, Default)]
pub struct MemoryDeadLetters {
    letters: Mutex<Vec<DeadLetter>>,
    /// Faults of keeping.
    pub keeps: Faults,
}

impl MemoryDeadLetters {
    /// Every letter in the order in which they came, repetitions included.
    pub fn letters(&self) -> Vec<DeadLetter> {
        lock(&self.letters).clone()
    }
}

impl KeepDeadLetters for MemoryDeadLetters {
    async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CallError> {
        give_way().await;
        assert!(!letters.is_empty(), "a call to keep no letters");
        let kept = call("keeping dead letters", self.keeps.next(Call::Write), |_| {
            lock(&self.letters).extend_from_slice(letters);
        });
        give_way().await;
        kept
    }
}
