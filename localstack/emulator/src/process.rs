//! The emulator's process: a Python environment comes in, a running MiniStack on a free loopback port leaves.
//!
//! It gets an environment of its own making, so that no key, profile or proxy of the user reaches it
//! or the functions that it runs, and Docker is not looked for. Its state lives in memory and ends
//! with it; nothing is ever persisted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process_group, test_kill_process, test_kill_process_group},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    client::{CREDENTIALS, REGION},
    python::Venv,
};

/// Longest time from the start to the first answer. It takes 0.3 s on an idle machine.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Time to end by itself after SIGTERM, before SIGKILL.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Starts before a port that others keep taking is an error.
const PORT_ATTEMPTS: usize = 5;
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of the log that an error shows.
const TAIL_LINES: usize = 12;
/// First part of the name of an emulator.
const NAME: &str = "kinetick";
const LAUNCHER: &str = include_str!("launch.py");

/// How the emulator is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Takes what the emulator prints; appended to.
    pub log_file: PathBuf,
    /// Takes a folder with its temporary files, among them the unpacked bootstraps. Created if it is
    /// not there. Several emulators may share it.
    pub data_dir: PathBuf,
    /// Outlives this process and its terminal. Otherwise it ends with this process, however that ends.
    pub keep: bool,
}

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder that it needs cannot be made.
    #[error("cannot write `{path}`: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The Python environment has no interpreter that runs.
    #[error("cannot run `{python}`: {source}; remove its folder to have it made again")]
    Spawn {
        /// The interpreter.
        python: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No port of 127.0.0.1 is free, or others keep taking it.
    #[error("found no free port on 127.0.0.1: {0}")]
    NoPort(String),
    /// It ended at once.
    #[error("the emulator ended at once ({status}); the end of `{log}` says:\n{tail}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// It runs and does not answer.
    #[error("the emulator did not answer within {} s; the end of `{log}` says:\n{tail}", .waited.as_secs())]
    NoAnswer {
        /// How long it had.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
}

/// Why the emulator did not end.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The kernel refused the signal.
    #[error("cannot end process group `{pid}`: {source}")]
    Signal {
        /// The group, by the pid of its first process.
        pid: u32,
        /// Why.
        source: io::Error,
    },
    /// Something of it is left after SIGKILL.
    #[error("process group `{0}` is still there after SIGKILL; see `ps -g {0}`")]
    Left(u32),
}

/// What identifies a running emulator to another process: enough to end it, and to end nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    /// Its process, which leads the process group of all that it started.
    pub pid: u32,
    /// Its folder in the data folder. The last part of it is a name that only this emulator gives at
    /// its health page, so neither a pid nor a port that was used again is taken for it.
    pub folder: PathBuf,
}

impl Running {
    /// Whether it still answers.
    pub async fn answers(&self) -> bool {
        let Some(port) = self.endpoint.rsplit(':').next().and_then(|port| port.parse().ok()) else { return false };
        health_name(port).await.is_some_and(|name| self.folder.ends_with(name))
    }

    /// Ends it and removes its folder. False if it was gone already.
    pub async fn stop(&self) -> Result<bool, StopError> {
        let answers = self.answers().await;
        if answers {
            end_group(self.pid, || ()).await?;
        }
        remove(&self.folder);
        Ok(answers)
    }
}

/// A running emulator. Dropping it kills it, unless it was started to be kept.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    running: Running,
    keep: bool,
}

impl Emulator {
    /// Starts MiniStack on a free port of 127.0.0.1 and waits until it answers.
    pub async fn start(venv: &Venv, options: Options) -> Result<Self, StartError> {
        let folder = |path: &Path| {
            let path = path.to_path_buf();
            move |source| StartError::Folder { path, source }
        };
        fs::create_dir_all(&options.data_dir).map_err(folder(&options.data_dir))?;
        // The emulator's own working directory differs from ours.
        let data_dir = options.data_dir.canonicalize().map_err(folder(&options.data_dir))?;
        sweep(&data_dir).await;
        if let Some(parent) = options.log_file.parent() {
            fs::create_dir_all(parent).map_err(folder(parent))?;
        }
        let mut taken = String::new();
        for _ in 0..PORT_ATTEMPTS {
            let log = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&options.log_file)
                .map_err(folder(&options.log_file))?;
            let log_start = log.metadata().map_or(0, |metadata| metadata.len());
            let port = free_port().map_err(|error| StartError::NoPort(error.to_string()))?;
            let name = format!("{NAME}-{}-{port}", std::process::id());
            let own = data_dir.join(&name);
            let launcher = own.join("launch.py");
            fs::create_dir_all(&own).map_err(folder(&own))?;
            fs::write(&launcher, LAUNCHER).map_err(folder(&launcher))?;
            let mut command = Command::new(venv.python());
            command.args(["-I", "-u", "-X", "utf8"]).arg(&launcher).args((!options.keep).then_some("follow"));
            command.current_dir(&own).env_clear().envs(environment(port, &own, &name)).process_group(0);
            command.stdin(if options.keep { Stdio::null() } else { Stdio::piped() });
            command.stderr(log.try_clone().map_err(folder(&options.log_file))?).stdout(log);
            let child = command.spawn().map_err(|source| {
                remove(&own);
                StartError::Spawn { python: venv.python(), source }
            })?;
            let running = Running { endpoint: format!("http://127.0.0.1:{port}"), pid: child.id(), folder: own };
            // From here on an early return drops it, and so ends the process; `keep` only counts
            // for an emulator that works.
            let mut emulator = Self { child, running, keep: false };
            match emulator.wait_for_answer(&options.log_file, log_start).await {
                Ok(()) => {
                    emulator.keep = options.keep;
                    return Ok(emulator);
                }
                Err(StartError::Exited { tail, .. }) if tail.contains("already in use") => {
                    taken = format!("port {port} was taken by another process {PORT_ATTEMPTS} times");
                }
                Err(error) => return Err(error),
            }
        }
        Err(StartError::NoPort(taken))
    }

    async fn wait_for_answer(&mut self, log: &Path, log_start: u64) -> Result<(), StartError> {
        let begun = Instant::now();
        loop {
            if self.running.answers().await {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(StartError::Exited { status, log: log.to_path_buf(), tail: tail_of(log, log_start) });
            }
            if begun.elapsed() > START_DEADLINE {
                return Err(StartError::NoAnswer {
                    waited: START_DEADLINE,
                    log: log.to_path_buf(),
                    tail: tail_of(log, log_start),
                });
            }
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> &str {
        &self.running.endpoint
    }

    /// Its process, which leads the process group of all that it started.
    pub fn pid(&self) -> u32 {
        self.running.pid
    }

    /// What another process needs to end it later.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Ends it and the functions that it runs, SIGTERM first and then SIGKILL to what is left, and
    /// removes its folder.
    pub async fn stop(mut self) -> Result<(), StopError> {
        let child = &mut self.child;
        // A child that was not waited for stays in its group for ever.
        end_group(self.running.pid, || drop(child.try_wait())).await?;
        remove(&self.running.folder);
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // What it started outlives it if it crashed, so its own end is not looked at.
        if let Some(pid) = pid_of(self.running.pid) {
            // Nobody is left to be told of a failure.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
        remove(&self.running.folder);
    }
}

/// Removes the folder of an emulator that is gone. One that cannot be removed costs room, no more;
/// the next start tries again.
fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

/// Removes the folders of emulators that were killed together with the process that started them.
async fn sweep(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        let folder = entry.path();
        let Some((pid, port)) = entry.file_name().to_str().and_then(parse_name) else { continue };
        // As long as its starter lives, it may not have got around to answering.
        let starter_lives = pid_of(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH));
        let running = Running { endpoint: format!("http://127.0.0.1:{port}"), pid, folder };
        if !starter_lives && !running.answers().await {
            remove(&running.folder);
        }
    }
}

/// The pid of the starter and the port, in the name of an emulator.
fn parse_name(name: &str) -> Option<(u32, u16)> {
    let (pid, port) = name.strip_prefix(NAME)?.strip_prefix('-')?.split_once('-')?;
    Some((pid.parse().ok()?, port.parse().ok()?))
}

/// Everything that the emulator, and with it each function, finds in its environment.
fn environment(port: u16, folder: &Path, name: &str) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let here = folder.display().to_string();
    let (key, secret) = CREDENTIALS;
    vec![
        ("PATH", path),
        // Not the user's: `~/.aws` is in there.
        ("HOME", here.clone()),
        ("TMPDIR", here.clone()),
        // Both would stand in /tmp, and be shared by all emulators of all users.
        ("STATE_DIR", format!("{here}/state")),
        ("S3_DATA_DIR", format!("{here}/s3")),
        ("LANG", "C.UTF-8".to_owned()),
        ("GATEWAY_PORT", port.to_string()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("MINISTACK_HOST", "localhost".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        // Each would listen on every interface, whatever BIND_HOST says.
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        // Otherwise it looks for containers of its own making, and removes them.
        ("DOCKER_HOST", "unix:///nonexistent".to_owned()),
        // Comes back in the health page, which is how one emulator is told from another.
        ("MINISTACK_EDITION", name.to_owned()),
    ]
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The name in the health page at this port, if an emulator answers there.
async fn health_name(port: u16) -> Option<String> {
    #[derive(Deserialize)]
    struct Health {
        edition: String,
    }
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        // HTTP/1.0: no chunks, and the end of the reply is the end of the connection.
        let request = "GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.ok()?;
        let body = reply.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        Some(serde_json::from_slice::<Health>(&reply[body..]).ok()?.edition)
    };
    timeout(HEALTH_TIMEOUT, ask).await.ok()?
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Ends a process group; `reap` takes the exit status of what is our own child.
async fn end_group(pid: u32, mut reap: impl FnMut()) -> Result<(), StopError> {
    let Some(group) = pid_of(pid) else { return Ok(()) };
    for signal in [Signal::TERM, Signal::KILL] {
        match kill_process_group(group, signal) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Ok(()),
            Err(error) => return Err(StopError::Signal { pid, source: error.into() }),
        }
        let begun = Instant::now();
        while begun.elapsed() < STOP_GRACE {
            reap();
            if test_kill_process_group(group) == Err(Errno::SRCH) {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Err(StopError::Left(pid))
}

/// The last lines of a log, of those after `start`.
fn tail_of(log: &Path, start: u64) -> String {
    let read = || {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(start))?;
        io::read_to_string(file)
    };
    let text = read().unwrap_or_else(|error| format!("(cannot be read: {error})"));
    last_lines(&text, TAIL_LINES)
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_user_reaches_the_emulator() {
        let environment = environment(4566, Path::new("/data"), "kinetick-1-4566");
        let names: Vec<_> = environment.iter().map(|(name, _)| *name).collect();
        assert!(!names.contains(&"ALPHA_VANTAGE_API_KEY") && !names.contains(&"AWS_PROFILE"));
        let value = |name| environment.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str());
        assert_eq!(value("BIND_HOST"), Some("127.0.0.1"));
        assert_eq!(value("AWS_ACCESS_KEY_ID"), Some("test"));
        assert_eq!(value("HOME"), Some("/data"));
        assert_eq!(value("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:4566"));
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(parse_name("kinetick-12-4566"), Some((12, 4566)));
        for other in ["kinetick-12", "other-12-4566", "kinetick-12-99999", "kinetick--12-1"] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }

    #[test]
    fn folders_of_the_dead_are_swept_and_no_others() {
        let data = tempfile::tempdir().unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let port = free_port().unwrap();
        let folder = |name: String| {
            let folder = data.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let swept = folder(format!("{NAME}-{}-{port}", dead.id()));
        let kept = [folder(format!("{NAME}-{}-{port}", std::process::id())), folder("other".to_owned())];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(sweep(data.path()));
        assert!(!swept.exists());
        assert!(kept.iter().all(|folder| folder.exists()));
    }

    #[test]
    fn an_environment_that_does_not_work_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("venv/bin/python");
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        let start = || {
            let venv = Venv::at(folder.path().join("venv"));
            let options = Options {
                log_file: folder.path().join("logs/emulator.log"),
                data_dir: folder.path().join("data"),
                keep: false,
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Emulator::start(&venv, options)).map(drop).unwrap_err()
        };
        assert!(matches!(start(), StartError::Spawn { .. }));
        // Stands in for a Python without MiniStack.
        std::os::unix::fs::symlink("/bin/sh", &python).unwrap();
        let error = start();
        assert!(matches!(&error, StartError::Exited { tail, .. } if !tail.is_empty()), "{error}");
        let left: Vec<_> = fs::read_dir(folder.path().join("data")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
