//! One process of a function: a bootstrap is started, followed and ended.
//!
//! It leads a process group of its own, is given the Runtime API on a port of its own, and takes no more memory than
//! its function has. What it is asked to do goes through its [`Link`].

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{
    function::{Function, Places, environment},
    guard::Guard,
    http::listen,
    link::Link,
    logs::{Logs, Tail, follow},
    runtime_api,
};

/// How often the memory of a process is looked at.
const MEMORY_LOOK: Duration = Duration::from_millis(100);
/// Tries to run a file that somebody else is still writing.
const BUSY_TRIES: usize = 50;

/// What all processes of a host share.
pub(crate) struct Surroundings {
    pub(crate) emulator: Option<String>,
    pub(crate) host: String,
    /// Given to each process as its folder for temporary files.
    pub(crate) temporary: String,
    pub(crate) enforces_memory: bool,
    pub(crate) guard: Guard,
    pub(crate) logs: Logs,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) status: ExitStatus,
    pub(crate) was_out_of_memory: bool,
}

/// A process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) link: Arc<Link>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) log_stream: Arc<str>,
    exit: watch::Receiver<Option<Exit>>,
    kill: Arc<Notify>,
    peak_kb: Arc<AtomicU64>,
    /// What can still be read of its output.
    outputs: Vec<OwnedFd>,
    api: JoinHandle<()>,
}

impl Process {
    pub(crate) async fn start(function: &Arc<Function>, around: &Arc<Surroundings>) -> io::Result<Self> {
        let (listener, address) = listen().await?;
        let day = jiff::Timestamp::now().strftime("%Y/%m/%d");
        let log_stream: Arc<str> = format!("{day}/[$LATEST]{:032x}", fastrand::u128(..)).into();
        let places = Places {
            runtime_api: &address,
            emulator: around.emulator.as_deref(),
            host: &around.host,
            temporary: &around.temporary,
            log_stream: &log_stream,
        };
        let mut child = spawn(function, &places).await?;
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        around.guard.began(pid);

        let link = Arc::new(Link::default());
        let api = tokio::spawn(runtime_api::serve(listener, Arc::clone(&link)));
        let tail = Arc::new(Tail::default());
        let mut outputs = Vec::new();
        let mut readers = Vec::new();
        let mut read = |fd: Option<OwnedFd>, output: Output| {
            outputs.extend(fd);
            let (function, around, link) = (Arc::clone(function), Arc::clone(around), Arc::clone(&link));
            let (tail, stream) = (Arc::clone(&tail), Arc::clone(&log_stream));
            let take = move |line: &str| {
                tail.push(line);
                around.logs.line(&function, &stream, link.current().as_deref(), line);
            };
            readers.push(tokio::spawn(async move {
                match output {
                    Output::Out(output) => follow(output, take).await,
                    Output::Error(output) => follow(output, take).await,
                }
            }));
        };
        if let Some(output) = child.stdout.take() {
            read(output.as_fd().try_clone_to_owned().ok(), Output::Out(output));
        }
        if let Some(output) = child.stderr.take() {
            read(output.as_fd().try_clone_to_owned().ok(), Output::Error(output));
        }

        let (ended, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let peak_kb = Arc::new(AtomicU64::new(0));
        let limit_kb = around.enforces_memory.then_some(function.memory_mb * 1024);
        let watched = watch_over(child, pid, limit_kb, Arc::clone(&kill), Arc::clone(&peak_kb));
        let around = Arc::clone(around);
        tokio::spawn(async move {
            let exit = watched.await;
            around.guard.ended(pid);
            // What it wrote last is in the log before its end is told; a grandchild may hold the pipe open for ever.
            let drained = async {
                for reader in readers {
                    let _ = reader.await;
                }
            };
            let _ = tokio::time::timeout(Duration::from_millis(50), drained).await;
            ended.send_replace(Some(exit));
        });
        Ok(Self { pid, link, tail, log_stream, exit, kill, peak_kb, outputs, api })
    }

    /// Its end, if it has come.
    pub(crate) fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        // The sender goes only after it has sent, unless the runtime is ending.
        ended.unwrap_or(Exit { status: ExitStatus::default(), was_out_of_memory: false })
    }

    /// Kills it and all that it started, and waits for its end.
    pub(crate) async fn end(&self) -> Exit {
        self.kill.notify_one();
        self.ended().await
    }

    /// The most memory that it ever had, in KB.
    pub(crate) fn peak_kb(&self) -> u64 {
        if self.exit().is_none()
            && let Some(peak) = status_kb(self.pid, "VmHWM:")
        {
            self.peak_kb.fetch_max(peak, Ordering::Relaxed);
        }
        self.peak_kb.load(Ordering::Relaxed)
    }

    /// Waits a moment until what it wrote has been read.
    pub(crate) async fn drain(&self) {
        for _ in 0..50 {
            if self.outputs.iter().all(|output| matches!(rustix::io::ioctl_fionread(output), Ok(0) | Err(_))) {
                // Read and not yet taken: the reader runs before the timer does.
                tokio::time::sleep(Duration::from_millis(1)).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill.notify_one();
        self.api.abort();
    }
}

enum Output {
    Out(tokio::process::ChildStdout),
    Error(tokio::process::ChildStderr),
}

async fn spawn(function: &Function, places: &Places<'_>) -> io::Result<Child> {
    let folder = function.bootstrap.parent().unwrap_or(std::path::Path::new("/"));
    for attempt in 0.. {
        let spawned = Command::new(&function.bootstrap)
            .env_clear()
            .envs(environment(function, places))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        match spawned {
            // Another thread forked while the file was open for writing, and its child has not let go of it yet.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempt < BUSY_TRIES => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            spawned => return spawned,
        }
    }
    Err(io::ErrorKind::ExecutableFileBusy.into())
}

/// Waits for the end of a process, and brings it about when it is told to or the memory runs out.
async fn watch_over(
    mut child: Child,
    pid: u32,
    limit_kb: Option<u64>,
    kill: Arc<Notify>,
    peak_kb: Arc<AtomicU64>,
) -> Exit {
    let mut look = tokio::time::interval(MEMORY_LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_out_of_memory = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.unwrap_or_default(),
            () = kill.notified() => kill_group(pid),
            _ = look.tick(), if limit_kb.is_some() && !was_out_of_memory => {
                let held = status_kb(pid, "VmRSS:").unwrap_or_default();
                peak_kb.fetch_max(held, Ordering::Relaxed);
                if limit_kb.is_some_and(|limit| held > limit) {
                    was_out_of_memory = true;
                    kill_group(pid);
                }
            }
        }
    };
    // What it started goes with it.
    kill_group(pid);
    Exit { status, was_out_of_memory }
}

fn kill_group(pid: u32) {
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It fails if nobody is left in the group, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A line of `/proc/PID/status`, in KB.
fn status_kb(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
