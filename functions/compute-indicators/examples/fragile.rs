//! The function as it is deployed, but for records that end its process: for tests of what becomes of their neighbours.
//!
//! `"how":"aborts"` ends it by a signal, `"how":"panics"` in its handler, which the runtime reports; both only in a
//! record of the schema `deadly.v1`. Never shipped.

#![recursion_limit = "256"]
#![allow(clippy::panic, reason = "this is what it is for")]

use std::process::ExitCode;

use aws::{DeadLetterBucket, DeliveryStream, StateTable, Stream, sdk_config};
use compute_indicators::{config::Config, handler::Handler};
use lambda_runtime::Error;
use pipeline::Warm;
use wire::KinesisBatch;

const DEADLY: &[u8] = br#"{"schema":"deadly.v1","how":""#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let config = match Config::read(::config::Reader::from_process()) {
        Ok(config) => config,
        Err(problems) => return Ok(telemetry::refuse(&problems)),
    };
    telemetry::init(config.log_level);
    let sdk = sdk_config().await;
    let handler = Handler {
        store: StateTable::with_sets(&sdk, config.table.as_str(), config.settings.series.sets.clone()),
        dead_letters: DeadLetterBucket::new(&sdk, config.dead_letters.as_str()),
        archive: DeliveryStream::new(&sdk, config.archive.as_str()),
        indicators: DeliveryStream::new(&sdk, config.indicators.as_str()),
        events: Stream::new(&sdk, config.events.as_str()),
        warm: Warm::default(),
        settings: config.settings,
        clock: config.clock,
    };
    let handler = &handler;
    batch::run(|batch, context| async move {
        meet_the_deadly(&batch);
        handler.handle(batch, context).await
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

fn meet_the_deadly(batch: &KinesisBatch) {
    for record in batch.records() {
        match record.data.ok().and_then(|data| data.strip_prefix(DEADLY)) {
            Some(how) if how.starts_with(b"aborts") => std::process::abort(),
            Some(_) => panic!("a deadly record was met"),
            None => {}
        }
    }
}
