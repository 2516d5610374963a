//! The delivery streams: raw lines and readings. Each line that is taken is told to the checker.

use std::sync::{Arc, Mutex};

use pipeline::port::{CallError, Deliver};
use wire::Packed;

use crate::{
    checker::Checker,
    process::Process,
    trouble::{Call, Fault, Site},
    world::lock,
};

/// A delivery stream as a process calls it.
#[derive(Debug)]
pub(crate) struct SinkPort {
    /// [`Site::Archive`] or [`Site::Indicators`].
    pub(crate) site: Site,
    /// Who judges.
    pub(crate) checker: Arc<Mutex<Checker>>,
    /// Who calls.
    pub(crate) process: Arc<Process>,
}

impl Deliver for SinkPort {
    async fn deliver(&self, records: &[Packed]) -> Result<Vec<bool>, CallError> {
        let fault = self.process.begin(self.site, Call::Batch(records.len())).await?;
        let refused = |at: usize| matches!(&fault, Some(Fault::Refuse(refused)) if refused[at]);
        let taken: Vec<bool> = (0..records.len()).map(|at| !refused(at)).collect();
        {
            let mut checker = lock(&self.checker);
            for (record, _) in records.iter().zip(&taken).filter(|(_, taken)| **taken) {
                for line in record.data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    let seen = if self.site == Site::Archive { checker.archived(line) } else { checker.reading(line) };
                    self.process.world().note(seen);
                }
            }
        }
        self.process.end(self.site, fault).await?;
        Ok(taken)
    }
}
