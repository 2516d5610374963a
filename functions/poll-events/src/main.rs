//! `poll-events`: a schedule's job enters, records of the events stream and an outcome leave.

mod config;
mod handler;

use std::process::ExitCode;

use lambda_runtime::{Error, run, service_fn};
use poller::Poller;

use crate::{config::Config, handler::Handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let config = match Config::read(::config::Reader::from_process()) {
        Ok(config) => config,
        Err(problems) => return Ok(telemetry::refuse(&problems)),
    };
    telemetry::init(config.poller.log_level);
    let poller = Poller::new(env!("CARGO_PKG_NAME"), config.poller).await?;
    let handler = Handler { poller, topics: config.topics };
    run(service_fn(|event| handler.handle(event))).await?;
    Ok(ExitCode::SUCCESS)
}
