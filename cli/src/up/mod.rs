//! `kinetick up`: the whole pipeline on this machine, from polls to S3, with nothing but loopback.
//!
//! It prepares what it needs inside the checkout, builds the functions, starts the market and the
//! emulator, deploys the very template that goes to AWS, runs its functions, mappings and schedules
//! in a host of their own, reads what came out of streams, logs and S3, and says whether everything
//! is accounted for. What the emulator has for event source mappings and schedules is switched off.

mod account;
mod build;
mod calls;
mod market;
mod options;
mod polls;
mod report;
mod show;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use ::market::SimulatedTime;
use alphavantage::Plan;
use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use emulator::{
    Deployment, Emulator, StackOutputs, deploy,
    functions::{Schedule, schedules},
    python, sdk_config,
};
use lambda_host::{Clock, Host, LogSink};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::watch as signal;

pub(crate) use build::binaries;
pub(crate) use options::{Options, duration};

use crate::checkout::Checkout;
use account::Account;
use calls::Calls;
use market::{KeptSimulator, Simulator};
use polls::Job;
use show::Show;
use watch::Watch;

const STACK: &str = "kinetick-local";
const BUCKET: &str = "kinetick-deployment";
/// The functions: their names in the template, without `Function`, and their binaries.
const FUNCTIONS: [(&str, &str); 6] = [
    ("PollEquities", "poll-equities"),
    ("PollCrypto", "poll-crypto"),
    ("PollEvents", "poll-events"),
    ("ComputeIndicators", "compute-indicators"),
    ("SweepSeries", "sweep-series"),
    ("HandleDeadLetters", "handle-dead-letters"),
];
/// The key that the simulator asks for. It is no secret, but is treated like one.
const SIMULATED_KEY: &str = "SIMULATEDKEY0001";
/// How long what is under way may take at the end.
const DRAIN: Duration = Duration::from_secs(60);
/// How often what came out is read.
const LOOK: Duration = Duration::from_millis(500);
/// How often the real vendor is asked on a plan without a limit per day.
const REAL_ROUND: Duration = Duration::from_secs(60);

/// What `up --keep` left running.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The emulator.
    pub(crate) emulator: emulator::Running,
    /// The market, if it was a simulated one.
    pub(crate) simulator: Option<KeptSimulator>,
}

/// Where the market data comes from.
enum Market {
    Simulated(Simulator),
    Real { key: SecretString, plan: Plan, calls: Calls },
}

/// Runs it all.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    if let Some(problem) = options.problem() {
        eprintln!("error: {problem}");
        return Ok(ExitCode::from(2));
    }
    let checkout = Checkout::find()?;
    if checkout.kept().exists() {
        bail!("an earlier `up --keep` is still running: end it by `kinetick down`");
    }
    let stop = stop_on_signals()?;
    let begun = Instant::now();
    let folder = run_folder(&checkout)?;
    let mut show = Show::new();
    let mut account = Account::default();
    let output = folder.join("output");

    let mut ended = stop.clone();
    let worked = tokio::select! {
        worked = work(&options, &checkout, &folder, &mut show, &mut account, stop) => worked,
        // Dropping the work ends all processes. The sender of signals lives as long as this one.
        _ = ended.wait_for(|signals| *signals >= 2) => Err(anyhow::anyhow!("interrupted twice: ended at once")),
    };
    // The report tells how far it came, whatever happened.
    if let Some(path) = &options.report {
        report::write(path, &account, begun.elapsed().as_secs_f64(), &output)?;
    }
    worked?;
    Ok(conclude(&account, &output))
}

/// Counts Ctrl-C and SIGTERM.
pub(crate) fn stop_on_signals() -> Result<signal::Receiver<u32>> {
    use tokio::signal::unix::{SignalKind, signal as listen};
    let (sender, receiver) = signal::channel(0);
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            sender.send_modify(|signals| *signals += 1);
        }
    });
    Ok(receiver)
}

/// A folder of this run's own: logs, and a copy of what S3 holds.
pub(crate) fn run_folder(checkout: &Checkout) -> Result<PathBuf> {
    let runs = checkout.work().join("runs");
    let name = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let folder = runs.join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("output")).with_context(|| format!("cannot make `{}`", folder.display()))?;
    Ok(folder)
}

async fn work(
    options: &Options,
    checkout: &Checkout,
    folder: &Path,
    show: &mut Show,
    account: &mut Account,
    stop: signal::Receiver<u32>,
) -> Result<()> {
    let mut cancelled = stop.clone();
    let prepared = tokio::select! {
        prepared = prepare(options, checkout, folder, show) => prepared?,
        _ = cancelled.wait_for(|signals| *signals >= 1) => bail!("interrupted before the pipeline ran"),
    };
    let Prepared { mut market, emulator, mut host, outputs, jobs } = prepared;
    let since = Instant::now();
    let worked = async {
        let (sdk, through_host) = (sdk_config(emulator.endpoint()), sdk_config(host.endpoint()));
        let kinesis = aws_sdk_kinesis::Client::new(&through_host);
        let mut watch = Watch::new(&sdk, kinesis, &outputs, &folder.join("output"))?;
        let lambda = aws_sdk_lambda::Client::new(&through_host);
        let host = &mut host;
        let mut run = Run { options, lambda, host, watch: &mut watch, show, account, stop, since };
        match &mut market {
            Market::Simulated(simulator) if options.replies.is_some() => run.recorded(simulator, jobs).await?,
            Market::Simulated(_) => run.simulated(jobs).await?,
            Market::Real { plan, calls, .. } => run.real(*plan, calls, jobs).await?,
        }
        run.drain(output(&outputs, "SweepSeriesFunctionName")?).await
    };
    let worked = worked.await;
    account.host = host.stop().await;
    show.finish(account, since);
    end(options, checkout, market, emulator, &outputs).await?;
    worked
}

/// What runs once everything is prepared.
struct Prepared {
    market: Market,
    emulator: Emulator,
    host: Host,
    outputs: StackOutputs,
    jobs: Vec<Job>,
}

async fn prepare(options: &Options, checkout: &Checkout, folder: &Path, show: &Show) -> Result<Prepared> {
    show.step("preparing the Python environment of the emulator (once)");
    let venv = python::prepare(checkout.root(), |text| show.detail(text)).await?;
    show.step("building the functions");
    let binaries = build::binaries(checkout, |name| show.detail(&format!("building the functions: {name}"))).await?;
    let binary = |name: &str| binaries.get(name).cloned().with_context(|| format!("cargo built no `{name}`"));

    show.step("starting the market and the emulator");
    let market = open_market(options, checkout, &binary("market-simulator")?, folder, show).await?;
    let emulator = Emulator::start(
        &venv,
        emulator::Options {
            log_file: folder.join("emulator.log"),
            data_dir: checkout.work().join("emulator"),
            keep: options.keep,
        },
    )
    .await?;
    let sdk = sdk_config(emulator.endpoint());

    let bootstraps = FUNCTIONS.iter().map(|(_, name)| Ok((format!("functions/{name}/"), binary(name)?)));
    let deployment = Deployment {
        template: checkout.root().join("template.yaml"),
        stack_name: STACK.to_owned(),
        parameters: parameters(options, &market),
        bootstraps: bootstraps.collect::<Result<_>>()?,
        bucket: BUCKET.to_owned(),
    };
    let outputs = deploy(&sdk, deployment, |text| show.step(text)).await?;
    let schedules = schedules(&aws_sdk_scheduler::Client::new(&sdk)).await?;
    show.step("starting the functions' host");
    let programs = FUNCTIONS.iter().map(|(id, name)| Ok((format!("{id}Function"), binary(name)?)));
    let programs = programs.collect::<Result<_>>()?;
    let host = start_host(emulator.endpoint(), &programs, &market, &schedules, folder).await?;
    // Nothing is polled before the key is there, and so nothing before the host is.
    put_key(&sdk, &outputs, &market).await?;
    let (jobs, endpoint) = match &market {
        Market::Simulated(simulator) if options.replies.is_some() => {
            (polls::distinct(&schedules), simulator.url.as_str())
        }
        Market::Simulated(simulator) => (polls::jobs(&schedules, simulator.clock.speed), simulator.url.as_str()),
        Market::Real { .. } => (polls::distinct(&schedules), "https://www.alphavantage.co"),
    };
    show.line(&format!(
        "emulator {}  functions {}  market {endpoint}  files {}",
        emulator.endpoint(),
        host.endpoint(),
        folder.display()
    ));
    show.step("the pipeline runs; Ctrl-C ends it");
    Ok(Prepared { market, emulator, host, outputs, jobs })
}

/// Runs what was deployed as processes, in the emulator's stead.
async fn start_host(
    endpoint: &str,
    programs: &BTreeMap<String, PathBuf>,
    market: &Market,
    schedules: &[Schedule],
    folder: &Path,
) -> Result<Host> {
    let mut setup = lambda_host::read(endpoint, STACK, programs).await?;
    lambda_host::switch_off(endpoint, &setup).await?;
    if let Some(unknown) = setup.unknown.first() {
        bail!("the host cannot run the whole template: {unknown}");
    }
    let clock = match market {
        Market::Simulated(simulator) => {
            let SimulatedTime { real, market, speed } = simulator.clock;
            let jobs = schedules.iter().filter(|schedule| polls::too_often(schedule, speed).is_some());
            let jobs: BTreeSet<_> = jobs.map(|schedule| schedule.name.as_str()).collect();
            setup.schedules.retain(|schedule| !jobs.contains(schedule.name.as_str()));
            Clock { real, shown: market, speed }
        }
        Market::Real { .. } => Clock::real(),
    };
    let options = lambda_host::Options {
        emulator: Some(endpoint.to_owned()),
        logs: LogSink::File(folder.join("functions.log")),
        clock,
        ..lambda_host::Options::default()
    };
    Ok(Host::start(setup, options).await?)
}

async fn open_market(
    options: &Options,
    checkout: &Checkout,
    simulator: &Path,
    folder: &Path,
    show: &Show,
) -> Result<Market> {
    let key = std::env::var("ALPHA_VANTAGE_API_KEY").ok().filter(|key| !key.trim().is_empty());
    if let (Some(key), None) = (key, &options.replies) {
        let plan = match std::env::var("ALPHA_VANTAGE_PLAN") {
            Ok(plan) => plan.parse()?,
            Err(_) => Plan::Free,
        };
        let calls = Calls::open(checkout, &key, plan)?;
        show.line(&format!("polling the real service: {}", calls.words()));
        return Ok(Market::Real { key: SecretString::from(key), plan, calls });
    }
    Ok(Market::Simulated(Simulator::start(simulator, options, SIMULATED_KEY, &folder.join("simulator.log")).await?))
}

fn parameters(options: &Options, market: &Market) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::from([
        ("Env".to_owned(), "local".to_owned()),
        ("Symbols".to_owned(), options.symbols_text()),
        ("Pairs".to_owned(), options.pairs_text()),
        ("Indicators".to_owned(), options.indicators.clone()),
        ("Alerts".to_owned(), options.alerts.clone()),
    ]);
    let mut set = |name: &str, value: String| drop(parameters.insert(name.to_owned(), value));
    match market {
        Market::Simulated(simulator) => {
            set("Plan", Plan::P75.to_string());
            set("MarketClock", simulator.clock.to_string());
            set("VendorUrl", format!("{}/query", simulator.url));
            set("RedeliverAfterSeconds", redeliver_after(&simulator.clock).to_string());
            if options.replies.is_some() {
                set("Cooldowns", "record".to_owned());
                // Recorded replies are each served once: only the jobs below ask for them.
                set("ScheduleState", "DISABLED".to_owned());
            }
        }
        Market::Real { plan, .. } => {
            set("Plan", plan.to_string());
            // A schedule that fires every minute would spend a day's calls silently.
            set("ScheduleState", "DISABLED".to_owned());
        }
    }
    parameters
}

/// In market seconds: two minutes on the wall, within what the template allows.
fn redeliver_after(clock: &SimulatedTime) -> u32 {
    (120 * clock.speed).min(3600)
}

async fn put_key(sdk: &SdkConfig, outputs: &StackOutputs, market: &Market) -> Result<()> {
    let value = match market {
        Market::Simulated(_) => {
            serde_json::json!({"apikey": SIMULATED_KEY, "plan": "p75", "entitlement": "realtime"})
        }
        Market::Real { key, plan, .. } => serde_json::json!({
            "apikey": key.expose_secret(),
            "plan": plan.as_str(),
            "entitlement": std::env::var("ALPHA_VANTAGE_ENTITLEMENT").ok(),
        }),
    };
    aws_sdk_secretsmanager::Client::new(sdk)
        .put_secret_value()
        .secret_id(output(outputs, "ApiKeySecretArn")?)
        .secret_string(value.to_string())
        .send()
        .await
        // The error's text names the call and not the value.
        .map_err(|error| {
            anyhow::anyhow!("cannot put the key into the emulator's secret: {}", error.into_service_error())
        })?;
    Ok(())
}

fn output<'a>(outputs: &'a StackOutputs, name: &str) -> Result<&'a str> {
    outputs.get(name).map(String::as_str).with_context(|| format!("the template has no output `{name}`"))
}

/// A pipeline that runs: what is looked at, shown and counted, and what ends it.
struct Run<'a> {
    options: &'a Options,
    /// Goes to the host.
    lambda: aws_sdk_lambda::Client,
    host: &'a mut Host,
    watch: &'a mut Watch,
    show: &'a mut Show,
    account: &'a mut Account,
    stop: signal::Receiver<u32>,
    since: Instant,
}

impl Run<'_> {
    /// Whether it is time to end: by a signal, or by the clock.
    fn is_over(&self) -> bool {
        *self.stop.borrow() > 0 || self.options.run_for.is_some_and(|time| self.since.elapsed() >= time)
    }

    async fn look(&mut self) -> Result<()> {
        self.watch.look(self.account).await?;
        self.account.host = self.host.report();
        self.show.stages(self.account, self.since);
        Ok(())
    }

    /// Waits a little, or until a signal comes.
    async fn pause(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            // The sender lives as long as the process.
            _ = self.stop.wait_for(|signals| *signals > 0) => {}
        }
    }

    async fn invoke(&mut self, job: &Job) {
        if let Some(failure) = polls::once(&self.lambda, job).await {
            self.account.troubles.insert(failure);
        }
    }

    /// Runs the simulated market until it is time to end.
    async fn simulated(&mut self, jobs: Vec<Job>) -> Result<()> {
        let lambda = self.lambda.clone();
        let (end, ended) = signal::channel(false);
        let polling = tokio::spawn(async move { polls::run(&lambda, jobs, ended).await });
        while !self.is_over() {
            self.look().await?;
            self.pause().await;
        }
        end.send_replace(true);
        for (failure, count) in polling.await? {
            self.account.troubles.insert(if count > 1 { format!("{failure} ({count} times)") } else { failure });
        }
        Ok(())
    }

    /// Asks for recorded replies until each was served, or it is time to end.
    async fn recorded(&mut self, simulator: &Simulator, jobs: Vec<Job>) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        loop {
            let replies = simulator.replies(&http).await?;
            if replies.done() || self.is_over() {
                self.show.line(&format!(
                    "recorded replies: {} served, {} wait for a request for CSV, which no poller makes, \
                     {} are of functions not in use",
                    replies.served,
                    replies.waiting_for_csv,
                    replies.not_in_use.len(),
                ));
                self.look().await?;
                self.account.after_the_last(replies.after_the_last);
                return Ok(());
            }
            let left = |job: &Job| job.asks().and_then(|function| replies.waiting.get(function)).copied();
            for job in jobs.iter().filter(|job| left(job).is_some_and(|left| left > 0)) {
                self.invoke(job).await;
            }
            self.look().await?;
        }
    }

    /// Asks the real vendor: once on a plan with a limit per day, every minute on another.
    async fn real(&mut self, plan: Plan, calls: &mut Calls, jobs: Vec<Job>) -> Result<()> {
        let crypto = self.options.pairs.iter().filter(|pair| pair.is_crypto()).count();
        // Where a day has a limit, nothing is spent on what the calendar knows.
        let mut jobs = jobs;
        jobs.retain(|job| plan.per_day().is_none() || job.asks() != Some("MARKET_STATUS"));
        let single = jobs.iter().filter(|job| job.asks().is_some_and(polls::asks_once)).count();
        let round = (2 * self.options.symbols.len() + self.options.pairs.len() + crypto + single) as u64;
        let mut noted = 0;
        loop {
            calls.spend(round)?;
            noted += round;
            self.show.line(&format!("asking for {round} replies; {}", calls.words()));
            for job in &jobs {
                self.invoke(job).await;
                self.look().await?;
            }
            // What was tried again in trouble was spent, too.
            let made = self.account.stages.poll.calls;
            calls.note(made.saturating_sub(noted))?;
            noted = noted.max(made);
            if plan.per_day().is_some() {
                return Ok(());
            }
            let next = Instant::now() + REAL_ROUND;
            while Instant::now() < next {
                if self.is_over() {
                    return Ok(());
                }
                self.pause().await;
                self.look().await?;
            }
        }
    }

    /// Lets what is under way come to its end: until everything is accounted for, or time is up.
    async fn drain(&mut self, sweep_function: &str) -> Result<()> {
        self.show.step("ending: what is under way is brought to its end");
        self.host.stop_schedules().await;
        let input = serde_json::json!({"job": "sweep"});
        let sweep = Job { function: sweep_function.to_owned(), input, every: None };
        let deadline = Instant::now() + DRAIN;
        let mut quiet = 0;
        while Instant::now() < deadline {
            let before = self.account.progress();
            self.look().await?;
            quiet = if self.account.progress() == before { quiet + 1 } else { 0 };
            // Two looks without news, each after a sweep: nothing is under way any more.
            if quiet >= 2 && self.account.imbalances().is_empty() {
                break;
            }
            self.invoke(&sweep).await;
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

async fn end(
    options: &Options,
    checkout: &Checkout,
    market: Market,
    emulator: Emulator,
    outputs: &StackOutputs,
) -> Result<()> {
    if options.keep {
        let simulator = match &market {
            Market::Simulated(simulator) => simulator.kept(),
            Market::Real { .. } => None,
        };
        let kept = Kept { emulator: emulator.running().clone(), simulator };
        std::fs::write(checkout.kept(), serde_json::to_vec_pretty(&kept)?)?;
        println!("left running: emulator at {} (region us-east-1, any credentials)", emulator.endpoint());
        println!("  data bucket {}", output(outputs, "DataBucketName")?);
        println!("  no function runs any more; to run them again:");
        println!("    kinetick host --template template.yaml --endpoint-url {}", emulator.endpoint());
        println!("  end it by `kinetick down`");
        if let Market::Simulated(simulator) = market {
            simulator.leave();
        }
        return Ok(());
    }
    emulator.stop().await?;
    if let Market::Simulated(simulator) = market {
        simulator.stop().await?;
    }
    Ok(())
}

/// Says how it went, and gives the exit code: success only if everything is accounted for.
fn conclude(account: &Account, output: &Path) -> ExitCode {
    for (kind, line) in &account.samples {
        let shown: String = line.chars().take(400).collect();
        println!("sample {kind}: {shown}{}", if shown.len() < line.len() { " …" } else { "" });
    }
    for trouble in account.troubles.iter().take(20) {
        println!("note: {trouble}");
    }
    println!("output: {}", output.display());
    let imbalances = account.imbalances();
    if imbalances.is_empty() {
        println!(
            "balanced: {} records put = in S3 or in the dead letters; {} readings; {} alerts of rules; {} duplicates",
            account.stages.produce.put,
            account.indicators(),
            account.rule_alerts(),
            account.duplicates(),
        );
        return ExitCode::SUCCESS;
    }
    println!("not balanced:");
    for imbalance in imbalances {
        println!("- {imbalance}");
    }
    ExitCode::FAILURE
}
