//! The bootstrap of `handle-dead-letters`: the environment and AWS clients enter, a handler that runs leaves.

// The future of an invocation nests deeper than the compiler follows by default.
#![recursion_limit = "256"]

mod config;
mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use aws::{DeadLetterBucket, Functions, NamedStreams, Shards, StateTable, sdk_config};
use lambda_runtime::{Error, run, service_fn};

use crate::{
    config::{CONSUMER_TIMEOUT, Config},
    handler::Handler,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let config = match Config::read(::config::Reader::from_process()) {
        Ok(config) => config,
        Err(problems) => return Ok(telemetry::refuse(&problems)),
    };
    telemetry::init(config.log_level);
    let sdk = sdk_config().await;
    let handler = Handler {
        objects: DeadLetterBucket::new(&sdk, config.bucket.as_str()),
        listings: StateTable::new(&sdk, config.table.as_str()),
        source: Shards::new(&sdk),
        functions: Functions::new(&sdk, &config.park.prefix, CONSUMER_TIMEOUT.unsigned_abs()),
        streams: NamedStreams::new(&sdk),
        park: config.park,
        redrive: config.redrive,
    };
    run(service_fn(|event| handler.handle(event))).await?;
    Ok(ExitCode::SUCCESS)
}
