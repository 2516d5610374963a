//! The pollers' side: replies become records in the streams, by the producer that is deployed.
//!
//! Each poller is given one reply after the other, and the same one again until all of its rows are settled: as the next
//! poll brings the same rows. Some replies come twice all the same. A process that dies is followed by another.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use jiff::SignedDuration;
use market::{Date, Observation};
use pipeline::{PollPorts, PutSettings, Rows, produce, put};
use wire::Parcel;

use crate::{
    ports::{LedgerPort, LetterPort, StreamPort},
    process::{Ended, Process, supervise},
    run::Run,
    trouble::{Point, Site},
    workload::Reply,
    world::lock,
};

/// The time-out of a poller.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(60);

/// Gives a poller one reply after the other.
pub(crate) async fn poll(run: Arc<Run>, stream: usize, replies: Vec<Reply>, days: Arc<Vec<(Date, i64)>>) {
    let mut rng = run.world.chance();
    for reply in replies {
        let rows: Vec<Observation> = reply.iter().filter_map(|row| row.observation(&days)).collect();
        lock(&run.checker).given(reply.iter().map(crate::workload::Row::given));
        let mut again = u32::from(rng.u8(0..40) == 0);
        loop {
            if settle(&run, stream, rows.clone()).await {
                if again == 0 {
                    break;
                }
                again -= 1;
            }
            run.world.sleep(SignedDuration::from_millis(rng.i64(100..3_000))).await;
        }
    }
}

/// One invocation. Returns whether all rows are settled.
async fn settle(run: &Arc<Run>, stream: usize, rows: Vec<Observation>) -> bool {
    let process = run.poller();
    let invocation = invoke(run.clone(), process.clone(), stream, rows);
    matches!(supervise(&process, TIMEOUT, invocation).await, Ended::Returned(true))
}

async fn invoke(run: Arc<Run>, process: Arc<Process>, stream: usize, rows: Vec<Observation>) -> bool {
    process.pass(Point::Init).await;
    let port =
        |stream: usize| StreamPort { stream: run.streams[stream].clone(), site: Site::Put, process: process.clone() };
    let (count, clock) = (rows.len() as u64, process.clock(TIMEOUT));
    let state = LedgerPort { ledgers: run.ledgers.clone(), process: process.clone() };
    let dead_letters = LetterPort { site: Site::PollerLetters, checker: run.checker.clone(), process: process.clone() };
    let ports = PollPorts {
        vendor: &(),
        quota: &(),
        stream: &port(stream),
        alerts: &port(2),
        state: &state,
        dead_letters: &dead_letters,
        runtime: &clock,
    };
    let rows = Rows { observations: rows, rejected: Vec::new() };
    let outcome = produce(&ports, ("poll", "a reply"), rows).await;
    process.pass(Point::Finished).await;
    run.refused.fetch_add(outcome.dead_lettered, Relaxed);
    outcome.put + outcome.deduplicated == count
}

/// Puts parcels as they are, until the stream has taken all of them; some of them may be there twice then.
pub(crate) async fn put_all(run: &Arc<Run>, stream: usize, mut parcels: Vec<Parcel>) {
    let process = run.quiet_process();
    let port = StreamPort { stream: run.streams[stream].clone(), site: Site::Put, process: process.clone() };
    while !parcels.is_empty() {
        let sent = put(&port, &process.clock(TIMEOUT), &PutSettings::default(), parcels).await;
        let refused = sent.fates.into_iter().filter_map(Result::err);
        parcels = refused.map(|refused| Parcel { entry: refused.entry, ordered: false }).collect();
    }
}
