//! Lines to Firehose: packed, sent, and what was not taken sent again.

use flow::Backoff;
use jiff::SignedDuration;
use wire::Lines;

use crate::port::{CallError, Deliver, Runtime};

/// How often and how patiently a delivery is tried within one invocation.
pub(crate) const DELIVERY: Backoff =
    Backoff { base: SignedDuration::from_millis(200), cap: SignedDuration::from_secs(2), attempts: 4 };

/// Sends lines and says of each whether the sink took it, and what the last trouble was.
pub(crate) async fn deliver(
    sink: &impl Deliver,
    runtime: &impl Runtime,
    lines: Lines,
) -> (Vec<bool>, Option<CallError>) {
    let mut taken = vec![false; lines.len()];
    let mut trouble = None;
    for call in lines.pack() {
        let mut left = call;
        let mut failed = 0;
        loop {
            match sink.deliver(&left).await {
                Ok(answers) => {
                    let mut answers = answers.into_iter();
                    left.retain(|record| {
                        let accepted = answers.next().unwrap_or(false);
                        if accepted {
                            taken[record.lines.clone()].fill(true);
                        }
                        !accepted
                    });
                    if left.is_empty() {
                        break;
                    }
                    trouble = Some(CallError::unavailable(format!("Firehose did not take {} records", left.len())));
                }
                Err(error) => trouble = Some(error),
            }
            failed += 1;
            match DELIVERY.wait(failed, runtime.random()) {
                Some(wait) if runtime.remaining() > wait + LAST_SECONDS => runtime.sleep(wait).await,
                _ => break,
            }
        }
    }
    (taken, trouble)
}

/// What an invocation keeps back to finish in time.
pub(crate) const LAST_SECONDS: SignedDuration = SignedDuration::from_secs(5);
