//! Processes that tests start.

#![allow(dead_code, clippy::unwrap_used)] // used from three crates, in parts

use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output};

/// A process that is killed where its test lets go of it, in whatever way the test ends.
pub(crate) struct Owned {
    child: Option<Child>,
    /// With all that it started.
    group: bool,
}

impl Owned {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self { child: Some(command.spawn().unwrap()), group: false }
    }

    /// `None` where there is no such program.
    pub(crate) fn try_spawn(command: &mut Command) -> Option<Self> {
        Some(Self { child: Some(command.spawn().ok()?), group: false })
    }

    /// A program that starts others, as a shell or faketime does: it is killed with all of them.
    pub(crate) fn spawn_group(command: &mut Command) -> Self {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut owned = Self::spawn(command);
        owned.group = cfg!(unix);
        owned
    }

    /// Waits for its end, and gives what it said.
    pub(crate) fn output(mut self) -> Output {
        self.child.take().unwrap().wait_with_output().unwrap()
    }
}

impl Deref for Owned {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.child.as_ref().unwrap()
    }
}

impl DerefMut for Owned {
    fn deref_mut(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        if self.group {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
        }
        let _ = (child.kill(), child.wait());
    }
}

/// True if there is faketime, which gives a process another clock.
pub(crate) fn has_faketime() -> bool {
    Command::new("faketime").arg("--version").output().is_ok()
}

/// This program again with its clock off by so much, as faketime names it. It starts another: see
/// [`spawn_group`](Owned::spawn_group).
pub(crate) fn with_a_clock_off_by(off: &str) -> Command {
    forget_killed_faketimes();
    let mut command = Command::new("faketime");
    command.args(["-f", off]).arg(std::env::current_exe().unwrap());
    command
}

/// Takes away what programs called faketime left in shared memory when they were killed: the next one that is given the
/// number of such a process does not start.
fn forget_killed_faketimes() {
    for left in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = left.file_name();
        let name = name.to_str().unwrap_or_default();
        let process =
            ["faketime_shm_", "sem.faketime_sem_"].iter().find_map(|start| name.strip_prefix(start));
        if process.is_some_and(|process| !std::path::Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_file(left.path()); // another test may be faster
        }
    }
}
