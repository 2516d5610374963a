//! The bucket of the dead letters. Each letter that is kept is told to the checker.

use std::sync::{Arc, Mutex};

use failure::DeadLetter;
use pipeline::port::{CallError, KeepDeadLetters};

use crate::{
    checker::Checker,
    process::Process,
    trouble::{Call, Site},
    world::lock,
};

/// The bucket as a process calls it.
#[derive(Debug)]
pub(crate) struct LetterPort {
    /// [`Site::Letters`] or [`Site::PollerLetters`].
    pub(crate) site: Site,
    /// Who judges.
    pub(crate) checker: Arc<Mutex<Checker>>,
    /// Who calls.
    pub(crate) process: Arc<Process>,
}

impl KeepDeadLetters for LetterPort {
    async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CallError> {
        let fault = self.process.begin(self.site, Call::Write).await?;
        for letter in letters {
            let mut checker = lock(&self.checker);
            match self.site {
                Site::Letters => checker.dead_letter(&letter.payload),
                _ => checker.poller_letter(&letter.payload),
            }
        }
        self.process.end(self.site, fault).await
    }
}
