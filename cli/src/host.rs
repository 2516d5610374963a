//! `kinetick host`: a template's functions as processes on this machine, with the emulator behind them.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use emulator::{Emulator, python};
use jiff::SignedDuration;
use lambda_host::{Foreign, Host, LogSink, OnTimeout, Pace, Report, Setup};
use sam_template::{Given, Template};
use tokio::sync::watch;

use crate::{
    checkout::Checkout,
    up::{self, duration},
};

/// The options of `host`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The template, in the form of SAM or CloudFormation.
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// An emulator to which the template is deployed already.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Name of the stack: to find it at the endpoint, or to make it by.
    #[arg(long, value_name = "NAME")]
    stack_name: Option<String>,
    /// A value for a parameter of the template; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    parameter: Vec<(String, String)>,
    /// End by itself this long after it is ready, such as 90s, 5m or 1h. Without it, Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    run_for: Option<Duration>,
    /// Write the report there at the end, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write log lines there instead of to standard error.
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Milliseconds from a read of a shard that gave nothing to the next.
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    poll_interval: u32,
    /// Processes of one function at most, where it reserves no concurrency.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// What becomes of a process that does not answer in time.
    #[arg(long, value_name = "WHAT", default_value = "kill")]
    on_timeout: TimeoutChoice,
    /// Let processes take more memory than their functions have.
    #[arg(long)]
    no_memory_limit: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TimeoutChoice {
    /// It is killed, as on AWS.
    Kill,
    /// It is left alone, and what it says later is refused.
    Abandon,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write a name and a value, as in `Env=local`")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let template = match parsed(&options) {
        Ok(template) => template,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            return Ok(ExitCode::from(2));
        }
    };
    let stop = up::stop_on_signals()?;
    let mut twice = stop.clone();
    tokio::select! {
        worked = work(&options, &template, stop) => worked?,
        // Dropping the work ends all processes. The sender of signals lives as long as this one.
        _ = twice.wait_for(|signals| *signals >= 2) => bail!("interrupted twice: ended at once"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The template, and that the other arguments make sense.
fn parsed(options: &Options) -> Result<Template> {
    let path = options.template.display();
    let text =
        std::fs::read_to_string(&options.template).with_context(|| format!("`--template {path}` cannot be read"))?;
    let template = Template::parse(&text).with_context(|| format!("`--template {path}` is no template"))?;
    let known = template.parameters();
    if let Some((name, _)) = options.parameter.iter().find(|(name, _)| known.iter().all(|it| it.name != *name)) {
        let names: Vec<_> = known.iter().map(|it| it.name.as_str()).collect();
        bail!("the template has no parameter `{name}`; it has: {}", names.join(", "));
    }
    if let Some(url) = &options.endpoint_url
        && !url.starts_with("http://")
    {
        bail!("`--endpoint-url {url}`: write the address of an emulator, as in http://127.0.0.1:4566");
    }
    if let Some(report) = &options.report {
        let folder = report.parent().filter(|parent| !parent.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) || report.is_dir() {
            bail!("`--report {}` cannot be written: its folder is not there", report.display());
        }
    }
    Ok(template)
}

async fn work(options: &Options, template: &Template, mut stop: watch::Receiver<u32>) -> Result<()> {
    let mut interrupted = stop.clone();
    let prepared = tokio::select! {
        prepared = prepare(options, template) => prepared?,
        _ = interrupted.wait_for(|signals| *signals >= 1) => {
            eprintln!("interrupted before anything ran");
            return Ok(());
        }
    };
    let Prepared { emulator, host, _folder } = prepared;
    println!("endpoint {}", host.endpoint());
    let is_ready = tokio::select! {
        () = host.ready() => true,
        _ = stop.wait_for(|signals| *signals >= 1) => false,
    };
    if is_ready {
        println!("ready");
        let over = async {
            match options.run_for {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            _ = stop.wait_for(|signals| *signals >= 1) => {}
        }
    }
    let report = host.stop().await;
    if let Some(path) = &options.report {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    show(&report);
    if let Some(emulator) = emulator {
        emulator.stop().await?;
    }
    Ok(())
}

struct Prepared {
    emulator: Option<Emulator>,
    host: Host,
    /// Holds programs that were unpacked.
    _folder: Option<lambda_host::Deployed>,
}

async fn prepare(options: &Options, template: &Template) -> Result<Prepared> {
    let parameters: BTreeMap<_, _> = options.parameter.iter().cloned().collect();
    let (emulator, endpoint, deployed, setup) = match &options.endpoint_url {
        Some(url) => {
            let endpoint = url.trim_end_matches('/').to_owned();
            let stack = match &options.stack_name {
                Some(name) => name.clone(),
                None => lambda_host::find_stack(&endpoint, &function_ids(template, &parameters)?).await?,
            };
            let setup = lambda_host::read(&endpoint, &stack, &BTreeMap::new()).await?;
            (None, endpoint, None, setup)
        }
        None => {
            let (emulator, deployed, setup) = deployed(options, template, parameters).await?;
            let endpoint = emulator.endpoint().to_owned();
            (Some(emulator), endpoint, Some(deployed), setup)
        }
    };
    lambda_host::switch_off(&endpoint, &setup).await?;
    for unknown in &setup.unknown {
        eprintln!("not run here: {unknown}");
    }
    eprintln!(
        "{} functions, {} event source mappings, {} schedules; emulator {endpoint}",
        setup.functions.len(),
        setup.mappings.len(),
        setup.schedules.len()
    );
    let pace = Pace { poll_interval: SignedDuration::from_millis(options.poll_interval.into()), ..Pace::default() };
    let host = Host::start(
        setup,
        lambda_host::Options {
            emulator: Some(endpoint),
            concurrency: options.concurrency.into(),
            on_timeout: match options.on_timeout {
                TimeoutChoice::Kill => OnTimeout::Kill,
                TimeoutChoice::Abandon => OnTimeout::Abandon,
            },
            pace,
            logs: options.log_file.clone().map_or(LogSink::Stderr, LogSink::File),
            enforces_memory: !options.no_memory_limit,
            ..lambda_host::Options::default()
        },
    )
    .await?;
    Ok(Prepared { emulator, host, _folder: deployed })
}

/// Starts an emulator, deploys the template and reads what became of it.
async fn deployed(
    options: &Options,
    template: &Template,
    parameters: BTreeMap<String, String>,
) -> Result<(Emulator, lambda_host::Deployed, Setup)> {
    let checkout = Checkout::find().context(
        "the emulator is kept in a checkout of kinetick: change into one, or give an emulator by `--endpoint-url`",
    )?;
    let venv = python::prepare(checkout.root(), |text| eprintln!("{text}")).await?;
    let built = built(options, &checkout, template, &parameters).await?;
    let folder = up::run_folder(&checkout)?;
    let emulator = Emulator::start(
        &venv,
        emulator::Options {
            log_file: folder.join("emulator.log"),
            data_dir: checkout.work().join("emulator"),
            keep: false,
        },
    )
    .await?;
    let foreign = Foreign {
        template: options.template.clone(),
        stack: options.stack_name.clone().unwrap_or_else(|| "kinetick-host".to_owned()),
        parameters,
        built,
    };
    let deployed = lambda_host::deploy(emulator.endpoint(), &foreign, |text| eprintln!("{text}")).await?;
    let mut setup = lambda_host::read(emulator.endpoint(), &foreign.stack, &deployed.bootstraps).await?;
    setup.unknown.extend(deployed.unknown.iter().cloned());
    Ok((emulator, deployed, setup))
}

/// The functions of this checkout are built; those of another template are there.
async fn built(
    options: &Options,
    checkout: &Checkout,
    template: &Template,
    parameters: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, PathBuf>> {
    let own = checkout.root().join("template.yaml").canonicalize()?;
    if options.template.canonicalize()? != own {
        return Ok(BTreeMap::new());
    }
    eprintln!("building the functions");
    let binaries = up::binaries(checkout, |name| eprintln!("building the functions: {name}")).await?;
    let functions = template.functions(&Given::parameters(parameters.clone()))?;
    let uris = functions.iter().filter_map(|function| function.properties.get("CodeUri")?.text());
    let named = uris
        .filter_map(|uri| Some((uri.to_owned(), binaries.get(uri.trim_end_matches('/').rsplit('/').next()?)?.clone())));
    Ok(named.collect())
}

fn function_ids(template: &Template, parameters: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let functions = template.functions(&Given::parameters(parameters.clone()))?;
    Ok(functions.into_iter().map(|function| function.id).collect())
}

fn show(report: &Report) {
    for mapping in &report.mappings {
        eprintln!(
            "{} <- {}: {} invocations, {} records, {} retries, {} splits, {} given up, iterator age at most {} ms",
            mapping.function,
            mapping.source.rsplit([':', '/']).next().unwrap_or_default(),
            mapping.invocations,
            mapping.records,
            mapping.retries,
            mapping.splits,
            mapping.on_failure,
            mapping.iterator_age_ms_max
        );
    }
    for (name, function) in &report.functions {
        eprintln!(
            "{name}: {} invocations, {} errors, {} timeouts, {} throttles, at most {} MB",
            function.invocations, function.errors, function.timeouts, function.throttles, function.max_memory_mb
        );
    }
}
