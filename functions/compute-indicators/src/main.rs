//! The bootstrap of `compute-indicators`: the environment and AWS clients enter, a handler that runs leaves.

// The future of an invocation nests deeper than the compiler follows by default.
#![recursion_limit = "256"]

use std::process::ExitCode;

use aws::{DeadLetterBucket, DeliveryStream, StateTable, Stream, sdk_config};
use compute_indicators::{config::Config, handler::Handler};
use lambda_runtime::Error;
use pipeline::Warm;

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
    batch::run(|batch, context| handler.handle(batch, context)).await?;
    Ok(ExitCode::SUCCESS)
}
