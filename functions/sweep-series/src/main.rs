//! `sweep-series`: the time enters; readings of bars that the clock closed, and of those that were left
//! behind, leave.

mod config;
mod handler;

use std::process::ExitCode;

use aws::{DeliveryStream, StateTable, Stream, sdk_config};
use lambda_runtime::{Error, run, service_fn};

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
        store: StateTable::with_sets(&sdk, config.table.as_str(), config.settings.sets.clone()),
        indicators: DeliveryStream::new(&sdk, config.indicators.as_str()),
        events: Stream::new(&sdk, config.events.as_str()),
        settings: config.settings,
        clock: config.clock,
    };
    run(service_fn(|event| handler.handle(event))).await?;
    Ok(ExitCode::SUCCESS)
}
