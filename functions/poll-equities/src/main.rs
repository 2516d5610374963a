//! `poll-equities`: a schedule's job enters, records of the financial stream and an outcome leave.

mod config;
mod handler;

use std::process::ExitCode;

use aws::{DeadLetterBucket, Secret, StateTable, Stream, sdk_config};
use lambda_runtime::{Error, run, service_fn};
use upstream::Http;

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
        http: Http::new(&config.vendor_url)?,
        secret: Secret::new(&sdk, config.secret.as_str()),
        stream: Stream::new(&sdk, config.stream.as_str()),
        table: StateTable::new(&sdk, config.table.as_str()),
        dead_letters: DeadLetterBucket::new(&sdk, config.dead_letters.as_str()),
        config,
    };
    run(service_fn(|event| handler.handle(event))).await?;
    Ok(ExitCode::SUCCESS)
}
