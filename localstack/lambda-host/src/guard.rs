//! Sees to it that no process outlives the host, however that ends.
//!
//! A shell waits at the end of a pipe, and is told of each process group that begins and ends. The kernel closes the
//! pipe when the host is gone, even by SIGKILL, and the shell then kills the groups that are left. (The death signal
//! of Linux would follow the thread that started the process, and spare what the process started itself.)

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r what group; do
    case $what in
        +) groups="$groups$group " ;;
        -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// The shell.
#[derive(Debug)]
pub(crate) struct Guard {
    pipe: Mutex<Option<ChildStdin>>,
    child: Mutex<Child>,
}

impl Guard {
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { pipe: Mutex::new(child.stdin.take()), child: Mutex::new(child) })
    }

    /// A process group began.
    pub(crate) fn began(&self, group: u32) {
        self.tell('+', group);
    }

    /// It is gone.
    pub(crate) fn ended(&self, group: u32) {
        self.tell('-', group);
    }

    fn tell(&self, what: char, group: u32) {
        if let Some(pipe) = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Without its shell the host still ends what it started, unless it is killed.
            let _ = pipe.write_all(format!("{what} {group}\n").as_bytes());
        }
    }
}

impl Guard {
    /// Ends all that is left.
    pub(crate) fn end(&self) {
        // Closing the pipe ends the shell, and with it what is left.
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_is_left_ends_with_it_and_nothing_else() {
        let sleeper = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let [mut forgotten, mut left, mut last] = [sleeper(), sleeper(), sleeper()];
        let guard = Guard::start().unwrap();
        for child in [&left, &forgotten, &last] {
            guard.began(child.id());
        }
        guard.ended(forgotten.id());
        drop(guard);
        let begun = Instant::now();
        for child in [&mut left, &mut last] {
            while child.try_wait().unwrap().is_none() {
                assert!(begun.elapsed() < Duration::from_secs(10));
                std::thread::yield_now();
            }
        }
        assert!(forgotten.try_wait().unwrap().is_none());
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
    }
}
