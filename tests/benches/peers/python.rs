//! The Python environment of the peers: a checkout comes in, an interpreter leaves that has what the lock file says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// The lock file of the peers, and their environment, from the root of the checkout.
const REQUIREMENTS: &str = "tests/benches/requirements.txt";
const VENV: &str = ".kinetick/venv-bench";

/// The interpreter of the peers' environment, which is made anew when its lock file changed.
pub(crate) fn prepare(checkout: &Path) -> Result<PathBuf> {
    let (venv, requirements) = (checkout.join(VENV), checkout.join(REQUIREMENTS));
    let (python, stamp) = (venv.join("bin/python"), venv.join("kinetick-stamp"));
    let lock = fs::read(&requirements).with_context(|| format!("cannot read `{REQUIREMENTS}`"))?;
    if fs::read(&stamp).is_ok_and(|made| made == lock) && python.exists() {
        return Ok(python);
    }
    eprintln!("making a Python environment for the peers in `{VENV}`");
    let run = |command: &mut Command| -> Result<()> {
        let status = command.stdin(Stdio::null()).status();
        let status = status.with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
        ensure!(status.success(), "`{}` failed: it says above why", command.get_program().display());
        Ok(())
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let options = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes"];
    run(Command::new(&python).args(options).arg("--requirement").arg(&requirements))?;
    fs::write(&stamp, lock)?;
    Ok(python)
}
