//! The host: functions, mappings and schedules come in; they run until it is stopped.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use event_source_mapping::{
    kinesis::{self as streams, Pace},
    sqs as queues,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    asynchronous::Queue,
    endpoint::Endpoint,
    function::Function,
    guard::Guard,
    http::{Emulator, listen, serve},
    kinesis::{self, Shared, Status},
    logs::{LogSink, Logs},
    outcome::Done,
    pool::{OnTimeout, Pool, ProcessInfo, Request, Throttled},
    process::Surroundings,
    report::{MappingReport, Report, ScheduleReport},
    schedules::{self, Clock, Schedule},
    sqs,
};

/// Processes of one function at most, where it reserves no concurrency of its own.
pub const CONCURRENCY: usize = 16;

/// What a host runs.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The functions.
    pub functions: Vec<Function>,
    /// What reads streams and queues for them.
    pub mappings: Vec<Mapping>,
    /// What fires at its time.
    pub schedules: Vec<Schedule>,
    /// What nobody runs, and why not; goes to the report.
    pub unknown: Vec<String>,
    /// Folders with unpacked code, which are removed with the host.
    pub folders: Vec<Arc<tempfile::TempDir>>,
}

/// An event source mapping.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The name of the function.
    pub function: String,
    /// What it reads, and how.
    pub source: Source,
}

/// What a mapping reads, and how.
#[derive(Debug, Clone)]
pub enum Source {
    /// A stream.
    Kinesis(streams::Settings),
    /// A queue.
    Sqs(queues::Settings),
}

impl Source {
    /// The ARN of the stream or queue.
    pub fn arn(&self) -> &str {
        match self {
            Self::Kinesis(settings) => &settings.stream_arn,
            Self::Sqs(settings) => &settings.queue_arn,
        }
    }

    /// Whether AWS would take the settings.
    fn validate(&self) -> Result<(), streams::SettingsError> {
        match self {
            Self::Kinesis(settings) => settings.validate(),
            Self::Sqs(settings) => settings.validate(),
        }
    }
}

/// How a host runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// `http://127.0.0.1:PORT` of the emulator; without one there are no mappings, and nothing is passed on.
    pub emulator: Option<String>,
    /// Processes of one function at most, where it reserves no concurrency of its own.
    pub concurrency: usize,
    /// What becomes of processes that do not answer in time.
    pub on_timeout: OnTimeout,
    /// How often mappings read, and how long they wait after a failure.
    pub pace: Pace,
    /// Where log lines go, besides the emulator.
    pub logs: LogSink,
    /// Whether a process is killed that takes more memory than its function has.
    pub enforces_memory: bool,
    /// What schedules follow.
    pub clock: Clock,
    /// How long an asynchronous event waits before its second and its third attempt.
    pub event_waits: [Duration; 2],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            emulator: None,
            concurrency: CONCURRENCY,
            on_timeout: OnTimeout::Kill,
            pace: Pace::default(),
            logs: LogSink::Off,
            enforces_memory: true,
            clock: Clock::real(),
            event_waits: [Duration::from_secs(60), Duration::from_secs(120)],
        }
    }
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or a socket.
    #[error("cannot {what}: {source}")]
    Io {
        /// What for.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A bootstrap that is not there or no program.
    #[error("function `{function}` has no bootstrap that can be run at `{path}`: build it, and make it executable")]
    Bootstrap {
        /// The function.
        function: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// A mapping or schedule of a function that is not there.
    #[error("`{source_name}` invokes `{function}`, which is no function of this host")]
    NoFunction {
        /// What invokes it.
        source_name: String,
        /// The name.
        function: String,
    },
    /// A mapping that AWS would refuse.
    #[error("the event source mapping of `{function}` to `{source_name}` is refused: {error}")]
    Mapping {
        /// The function.
        function: String,
        /// The stream or queue.
        source_name: String,
        /// Why.
        error: streams::SettingsError,
    },
    /// Mappings read from an emulator.
    #[error("there are mappings and no emulator to read from: set `emulator`")]
    NoEmulator,
}

/// Functions that run. Dropping it kills their processes; [`Host::stop`] also waits for that.
pub struct Host {
    endpoint: String,
    around: Arc<Surroundings>,
    pools: BTreeMap<String, Arc<Pool>>,
    mappings: Vec<watch::Receiver<Status>>,
    schedules: Vec<(ScheduleReport, Arc<AtomicU64>)>,
    unknown: Vec<String>,
    queue: Arc<Queue>,
    /// Mappings.
    drivers: JoinSet<()>,
    /// Schedules.
    timers: JoinSet<()>,
    server: JoinHandle<()>,
    /// Holds the temporary files of processes, and code that was unpacked.
    _folders: Vec<Arc<tempfile::TempDir>>,
}

impl Host {
    /// Starts everything. Mappings begin to read at once; see [`Host::ready`].
    pub async fn start(setup: Setup, options: Options) -> Result<Self, StartError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |source| StartError::Io { what, source }
        };
        let emulator = options.emulator.as_deref().map(Emulator::new);
        let (listener, address) = listen().await.map_err(io("listen on 127.0.0.1"))?;
        let endpoint = format!("http://{address}");
        let temporary = tempfile::Builder::new().prefix("kinetick-host-").tempdir();
        let temporary = temporary.map_err(io("make a folder for temporary files"))?;
        let around = Arc::new(Surroundings {
            emulator: options.emulator.clone(),
            host: endpoint.clone(),
            temporary: temporary.path().display().to_string(),
            enforces_memory: options.enforces_memory,
            guard: Guard::start().map_err(io("run `/bin/sh`"))?,
            logs: Logs::open(&options.logs, emulator.clone()).map_err(io("open the log"))?,
        });
        let mut pools = BTreeMap::new();
        for function in setup.functions {
            if !is_program(&function.bootstrap) {
                return Err(StartError::Bootstrap { function: function.name, path: function.bootstrap });
            }
            let name = function.name.clone();
            pools.insert(name, Pool::new(function, Arc::clone(&around), options.on_timeout, options.concurrency));
        }
        let queue = Queue::new(pools.clone(), emulator.clone(), options.event_waits);
        let served = Arc::new(Endpoint { pools: pools.clone(), queue: Arc::clone(&queue), emulator: emulator.clone() });
        let server = tokio::spawn(serve(listener, move |request| Arc::clone(&served).answer(request)));
        let mut host = Self {
            endpoint,
            around,
            pools,
            mappings: Vec::new(),
            schedules: Vec::new(),
            unknown: setup.unknown,
            queue,
            drivers: JoinSet::new(),
            timers: JoinSet::new(),
            server,
            _folders: setup.folders.into_iter().chain([Arc::new(temporary)]).collect(),
        };
        for mapping in setup.mappings {
            let emulator = emulator.clone().ok_or(StartError::NoEmulator)?;
            host.add_mapping(mapping, options.pace, emulator)?;
        }
        for schedule in setup.schedules {
            host.add_schedule(schedule, options.clock, emulator.clone())?;
        }
        Ok(host)
    }

    fn pool(&self, name: &str, by: &str) -> Result<Arc<Pool>, StartError> {
        let no_function = || StartError::NoFunction { source_name: by.to_owned(), function: name.to_owned() };
        self.pools.get(name).cloned().ok_or_else(no_function)
    }

    fn add_mapping(&mut self, mapping: Mapping, pace: Pace, emulator: Emulator) -> Result<(), StartError> {
        let source = mapping.source.arn().to_owned();
        let pool = self.pool(&mapping.function, &source)?;
        mapping.source.validate().map_err(|error| StartError::Mapping {
            function: mapping.function.clone(),
            source_name: source.clone(),
            error,
        })?;
        let report = MappingReport { function: mapping.function, source, ..MappingReport::default() };
        let (status, receiver) = watch::channel(Status { report, ..Status::default() });
        let status: Shared = Arc::new(status);
        match mapping.source {
            Source::Kinesis(settings) => {
                let machine = streams::Mapping::with_pace(settings, pace);
                self.drivers.spawn(kinesis::run(machine, pool, emulator, status));
            }
            Source::Sqs(settings) => {
                let machine = queues::Mapping::with_pace(settings, pace);
                self.drivers.spawn(sqs::run(machine, pool, emulator, status));
            }
        }
        self.mappings.push(receiver);
        Ok(())
    }

    fn add_schedule(&mut self, schedule: Schedule, clock: Clock, emulator: Option<Emulator>) -> Result<(), StartError> {
        self.pool(&schedule.function, &schedule.name)?;
        let report = ScheduleReport { name: schedule.name.clone(), function: schedule.function.clone(), fires: 0 };
        let fires = Arc::new(AtomicU64::new(0));
        self.schedules.push((report, Arc::clone(&fires)));
        let fired = move || {
            fires.fetch_add(1, Ordering::Relaxed);
        };
        self.timers.spawn(schedules::run(schedule, clock, Arc::clone(&self.queue), emulator, fired));
        Ok(())
    }

    /// `http://127.0.0.1:PORT`: Lambda's Invoke API, and the emulator behind it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Waits until each mapping has read each of its shards once. What is put from then on is seen also by those that
    /// begin with the latest.
    pub async fn ready(&self) {
        for mapping in &self.mappings {
            // An error is that the driver ended, which it does not by itself.
            let _ = mapping.clone().wait_for(|status| status.polls).await;
        }
    }

    /// Whether the mappings are through with what their sources held when they were last read.
    pub fn is_idle(&self) -> bool {
        self.mappings.iter().all(|mapping| mapping.borrow().is_idle)
    }

    /// Invokes a function, as `RequestResponse` does; none if there is no such function.
    pub async fn invoke(&self, function: &str, request: Request) -> Option<Result<Done, Throttled>> {
        Some(self.pools.get(function)?.invoke(request).await)
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        let schedules = self.schedules.iter();
        Report {
            mappings: self.mappings.iter().map(|mapping| mapping.borrow().report.clone()).collect(),
            schedules: schedules
                .map(|(report, fires)| ScheduleReport { fires: fires.load(Ordering::Relaxed), ..report.clone() })
                .collect(),
            functions: self.pools.iter().map(|(name, pool)| (name.clone(), pool.report())).collect(),
            unknown: self.unknown.clone(),
        }
    }

    /// The processes that run now.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.pools.values().flat_map(|pool| pool.processes()).collect()
    }

    /// Waits until the emulator has all log lines so far.
    pub async fn flush_logs(&self) {
        self.around.logs.flush().await;
    }

    /// Lets no schedule fire any more; what was fired goes on, and so do the mappings.
    pub async fn stop_schedules(&mut self) {
        self.timers.shutdown().await;
    }

    /// Stops reading and firing, kills all processes, and gives the last report.
    pub async fn stop(mut self) -> Report {
        self.stop_schedules().await;
        self.drivers.shutdown().await;
        for pool in self.pools.values() {
            pool.stop().await;
        }
        self.server.abort();
        self.flush_logs().await;
        self.report()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
        self.around.guard.end();
    }
}

fn is_program(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.is_absolute()
        && std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
