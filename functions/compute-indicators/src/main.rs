//! `compute-indicators`: a batch of a stream enters; lines of the archive, readings, dead letters and
//! the sequence number to retry from leave.

mod config;
mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use aws::{DeadLetterBucket, DeliveryStream, StateTable, Stream, sdk_config};
use lambda_runtime::{Error, run, service_fn};
use pipeline::Warm;

use crate::{config::Config, handler::Handler};

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
    run(service_fn(|event| handler.handle(event))).await?;
    Ok(ExitCode::SUCCESS)
}
