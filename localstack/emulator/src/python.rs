//! The Python environment that MiniStack runs in: a checkout with a lock file comes in, `.kinetick/venv` leaves.
//!
//! It is made once. A stamp, written last, names the lock file's content and the Python version; an
//! environment without the right stamp is half-made or of yesterday, and is made again. Nothing
//! outside the checkout is installed or changed.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{process::Command, time::sleep};

use crate::process::last_lines;

/// The lock file, from the root of the checkout.
pub const LOCK_FILE: &str = "localstack/python/requirements.txt";
/// The environment, from the root of the checkout.
pub const VENV: &str = ".kinetick/venv";
/// Oldest version that MiniStack runs on.
pub const PYTHON_MIN: (u32, u32) = (3, 10);

const STAMP: &str = "kinetick-stamp";
/// Interpreters in the order in which they are tried.
const CANDIDATES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
/// Prints the version, and fails without what makes a virtual environment (Debian packs that apart).
const PROBE: &str = "import sys; print(*sys.version_info[:3], sep='.'); import ensurepip, venv";
/// Lines of pip's output that an error shows.
const TAIL_LINES: usize = 15;

/// Why there is no Python environment.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No interpreter at all.
    #[error(
        "found no `python3` on the path; install Python 3.10 or newer with venv (Debian: apt install python3-venv)"
    )]
    NoPython,
    /// Only old ones.
    #[error("the newest `python3` on the path is {found}; install Python {}.{} or newer", PYTHON_MIN.0, PYTHON_MIN.1)]
    TooOld {
        /// Its version.
        found: String,
    },
    /// It cannot make environments.
    #[error("`{python}` has no venv module; install it (Debian: apt install python3-venv)")]
    NoVenv {
        /// Which interpreter.
        python: String,
    },
    /// The checkout has no lock file.
    #[error("cannot read the lock file `{path}`: {source}; is that the root of the checkout?")]
    LockFile {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file or folder in the checkout cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An interpreter that was there a moment ago does not start.
    #[error("cannot run `{program}`: {source}")]
    Run {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The environment itself was not made.
    #[error("`{python} -m venv` failed:\n{output}")]
    Venv {
        /// Which interpreter.
        python: String,
        /// Its last lines.
        output: String,
    },
    /// The packages were not installed.
    #[error(
        "pip could not install `{LOCK_FILE}`; it needs the network once (PIP_INDEX_URL names another index). The end of its output:\n{output}"
    )]
    Pip {
        /// Its last lines.
        output: String,
    },
}

/// A Python environment with MiniStack in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    root: PathBuf,
}

impl Venv {
    /// An environment that somebody else made and answers for.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.root.join("bin/python")
    }
}

/// Makes the environment of a checkout, unless it is there and current. `progress` is told what takes
/// time. Several processes may do so at once: one makes it, the others wait for it.
pub async fn prepare(checkout: &Path, progress: impl Fn(&str)) -> Result<Venv, PrepareError> {
    let path = checkout.join(LOCK_FILE);
    let lock = fs::read(&path).map_err(|source| PrepareError::LockFile { path, source })?;
    let (python, version) = find_python().await?;
    let stamp = format!("{:x} python {version}\n", Sha256::digest(&lock));

    let venv = Venv::at(checkout.join(VENV));
    let _guard = exclusive(&venv.root.with_extension("lock"), &progress).await?;
    let stamp_file = venv.root.join(STAMP);
    if fs::read_to_string(&stamp_file).is_ok_and(|text| text == stamp) && venv.python().exists() {
        return Ok(venv);
    }
    progress(&format!("making a Python environment in `{VENV}`, once: about half a minute"));
    let folder = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PrepareError::Folder { path, source }
    };
    match fs::remove_dir_all(&venv.root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder(&venv.root)(error)),
        _ => {}
    }
    let made = run(Command::new(&python).args(["-m", "venv"]).arg(&venv.root)).await?;
    if !made.status.success() {
        return Err(PrepareError::Venv { python, output: tail(&made) });
    }
    progress("installing the emulator and its Python packages");
    let mut pip = Command::new(venv.python());
    // Dependencies are resolved although all are pinned: one that the lock file lacks is an error here.
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"]);
    let installed = run(pip.arg("--requirement").arg(checkout.join(LOCK_FILE))).await?;
    if !installed.status.success() {
        return Err(PrepareError::Pip { output: tail(&installed) });
    }
    fs::write(&stamp_file, stamp).map_err(folder(&stamp_file))?;
    Ok(venv)
}

/// Holds the lock file at this path, as soon as nobody else does. The kernel frees it when the
/// process ends, so a crash leaves nothing behind.
async fn exclusive(path: &Path, progress: impl Fn(&str)) -> Result<File, PrepareError> {
    let failed = |source| PrepareError::Folder { path: path.to_path_buf(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let file = File::options().create(true).append(true).open(path).map_err(failed)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !std::mem::replace(&mut told, true) {
            progress("waiting for another process that makes the Python environment");
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// The first interpreter that is new enough, and its version.
async fn find_python() -> Result<(String, String), PrepareError> {
    let mut best = PrepareError::NoPython;
    for python in CANDIDATES {
        let Ok(probe) = run(Command::new(python).args(["-c", PROBE])).await else { continue };
        let version = String::from_utf8_lossy(&probe.stdout).trim().to_owned();
        let Some(number) = major_minor(&version) else { continue };
        if number < PYTHON_MIN {
            if matches!(best, PrepareError::NoPython) {
                best = PrepareError::TooOld { found: version };
            }
        } else if probe.status.success() {
            return Ok((python.to_owned(), version));
        } else if !matches!(best, PrepareError::NoVenv { .. }) {
            best = PrepareError::NoVenv { python: python.to_owned() };
        }
    }
    Err(best)
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Runs a program without a terminal and without what would lead Python astray; it dies with the future.
async fn run(command: &mut Command) -> Result<Output, PrepareError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    for name in ["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "ALPHA_VANTAGE_API_KEY"] {
        command.env_remove(name);
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    output.map_err(|source| PrepareError::Run { program, source })
}

/// The last lines of what a program said, errors last.
fn tail(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    last_lines(String::from_utf8_lossy(&text).trim_end(), TAIL_LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(lock: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, lock).unwrap();
        folder
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// An empty lock file needs no network, and all the rest is as in a real one.
    #[test]
    fn an_environment_is_made_once_by_one_of_two_and_again_when_it_is_stale() {
        let checkout = checkout("");
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |line: &str| told.borrow_mut().push(line.to_owned());
        let (one, two) =
            block_on(async { tokio::join!(prepare(checkout.path(), tell), prepare(checkout.path(), tell)) });
        let venv = one.unwrap();
        assert_eq!(two.unwrap(), venv);
        assert!(venv.python().exists());
        let made = || told.borrow().iter().filter(|line| line.starts_with("making")).count();
        assert_eq!(made(), 1, "{told:?}");
        assert_eq!(told.borrow().iter().filter(|line| line.starts_with("waiting")).count(), 1, "{told:?}");

        let leftover = venv.root().join("leftover");
        fs::write(&leftover, "").unwrap();
        block_on(prepare(checkout.path(), tell)).unwrap();
        assert_eq!(made(), 1, "a current one was made again");

        fs::remove_file(venv.root().join(STAMP)).unwrap();
        block_on(prepare(checkout.path(), tell)).unwrap();
        assert_eq!(made(), 2);
        assert!(!leftover.exists(), "what was there before a half-made one is gone");
    }

    #[test]
    fn failures_say_what_to_do() {
        let missing = tempfile::tempdir().unwrap();
        let error = block_on(prepare(missing.path(), |_| ())).unwrap_err().to_string();
        assert!(error.contains("is that the root of the checkout?"), "{error}");

        // A file on this disk, so that no index is asked.
        let unpinned = checkout("");
        let wheel = unpinned.path().join("x-1.0-py3-none-any.whl");
        fs::write(&wheel, "").unwrap();
        fs::write(unpinned.path().join(LOCK_FILE), format!("x @ file://{}\n", wheel.display())).unwrap();
        let error = block_on(prepare(unpinned.path(), |_| ())).unwrap_err().to_string();
        assert!(error.starts_with("pip could not install") && error.contains("--require-hashes"), "{error}");
        assert!(!unpinned.path().join(VENV).join(STAMP).exists());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(major_minor("3.9.2").unwrap() < PYTHON_MIN);
        assert!(major_minor("3.11.0").unwrap() >= PYTHON_MIN);
        assert_eq!(major_minor("Python"), None);
    }
}
