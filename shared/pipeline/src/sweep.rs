//! Sweep: closes sampled bars by the clock, and delivers what was left behind.

use series::Settings;

use crate::{
    advance::{Acknowledge, Ports, advance},
    outcome::{SweepOutcome, note},
    port::{Deliver, PutRecords, Runtime, SeriesStore},
    warm::Warm,
};

/// Brings every series that is due up to date.
pub async fn sweep<Store: SeriesStore, Sink: Deliver, Events: PutRecords, Time: Runtime>(
    (store, sink, events, runtime): (&Store, &Sink, &Events, &Time),
    settings: &Settings,
) -> SweepOutcome {
    let mut outcome = SweepOutcome::default();
    let due = match store.due(runtime.now()).await {
        Ok(due) => due,
        Err(error) => {
            note(&mut outcome.failures, format!("the series that are due cannot be listed: {}", error.message));
            return outcome;
        }
    };
    outcome.due = due.len() as u64;
    // Other processes write these series between two sweeps, so that nothing is worth keeping warm.
    let warm = Warm::default();
    let ports = Ports { store, sink, events, runtime, warm: &warm, settings, acknowledge: Acknowledge::AtOnce };
    let advanced = advance(&ports, due.into_iter().map(|id| (id, Vec::new())).collect()).await;
    outcome.bars = advanced.bars;
    outcome.indicators = advanced.indicators;
    outcome.indicators_delivered = advanced.indicators_delivered;
    outcome.gaps = advanced.gaps;
    outcome.alerts = advanced.alerts;
    outcome.alerts_delivered = advanced.alerts_delivered;
    outcome.swept = outcome.due - advanced.failed.len() as u64;
    for failure in advanced.trouble.iter().chain(advanced.failed.values()) {
        note(&mut outcome.failures, failure.to_string());
    }
    outcome
}
