//! The processes of a node, none of which outlives the test process.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::identity::PortMapper;

/// Reads process groups, one a line: first that of the port mapper, then that of the virtual machine whenever it changes. Its
/// input ends when the node is dropped, or when the test process ends, for whatever reason.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
vm=
read -r epmd
while read -r group; do vm=$group; done
kill -s KILL -- ${epmd:+-"$epmd"} ${vm:+-"$vm"} 2>/dev/null
# A killed process may still be writing.
rm -rf "$0" 2>/dev/null || { sleep 1; rm -rf "$0"; }
"#;

/// How long a process may take to start listening or to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a condition is polled that no event announces.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The port mapper, the virtual machine and the watchdog of both. Dropping it ends them all and removes the folder.
#[derive(Debug)]
pub(super) struct Processes {
    /// `None`: the node has that of another one.
    epmd: Option<Child>,
    vm: Option<Child>,
    /// Whether the virtual machine was stopped by a signal.
    pub(super) paused: bool,
    watchdog: Child,
    groups: Option<ChildStdin>,
}

impl Processes {
    /// Starts the watchdog, and the port mapper unless another node has started it.
    pub(super) fn start(folder: &Path, port_mapper: PortMapper) -> io::Result<Self> {
        let mut watchdog = background("sh");
        let mut watchdog =
            watchdog.arg("-c").arg(WATCHDOG).arg(folder).stdin(Stdio::piped()).spawn()?;
        let mut groups = watchdog.stdin.take();
        let port = port_mapper.port();
        let epmd = match port_mapper {
            PortMapper::Own(_) => {
                // In the foreground. Otherwise Erlang would start one that detaches itself.
                let mut epmd = background("epmd");
                let epmd = epmd.args(["-address", "127.0.0.1", "-port", &port.to_string()]).spawn();
                Some(epmd.map_err(|error| io::Error::other(format!("cannot run `epmd`: {error}")))?)
            }
            PortMapper::OfAnother(_) => None,
        };
        match &epmd {
            Some(epmd) => tell(&mut groups, epmd.id())?,
            None => tell(&mut groups, "")?,
        }
        let processes = Self { epmd, vm: None, paused: false, watchdog, groups };
        wait_until("the port mapper to listen", || Ok(listens(port)))?;
        Ok(processes)
    }

    /// Starts a virtual machine that writes its output to `log`.
    pub(super) fn start_vm(&mut self, command: &mut Command, log: &Path) -> io::Result<()> {
        let out = fs::File::create(log)?;
        let errors = out.try_clone()?;
        command.stdin(Stdio::null()).stdout(out).stderr(errors).process_group(0);
        let vm = command.spawn()?;
        tell(&mut self.groups, vm.id())?;
        (self.vm, self.paused) = (Some(vm), false);
        Ok(())
    }

    /// Returns the exit status of the virtual machine if it has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.vm.as_mut().map_or(Ok(None), Child::try_wait)
    }

    pub(super) fn runs(&mut self) -> io::Result<bool> {
        Ok(self.vm.is_some() && self.ended()?.is_none())
    }

    /// Sends a signal to the virtual machine and what it runs in its process group.
    pub(super) fn signal(&self, signal: &str) -> io::Result<()> {
        let Some(vm) = &self.vm else {
            return Err(io::Error::other(format!(
                "no node is running that {signal} could be sent to"
            )));
        };
        let group = format!("-{}", vm.id());
        let status =
            Command::new("sh").args(["-c", r#"kill -s "$0" -- "$1""#, signal, &group]).status()?;
        status.success().then_some(()).ok_or_else(|| {
            io::Error::other(format!("cannot send {signal} to process group {}", vm.id()))
        })
    }

    /// Waits until the virtual machine has stopped after the signal STOP. On a busy machine its threads run on for a moment.
    pub(super) fn wait_until_stopped(&self) -> io::Result<()> {
        let group = self.vm.as_ref().map(Child::id).unwrap_or_default();
        wait_until("the node to stop", || Ok(threads_of(group)?.iter().all(|state| *state == 'T')))
    }

    /// Waits for the virtual machine to end.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        wait_until("the node to end", || Ok(!self.runs()?))?;
        self.vm = None;
        // The number may be reused for another group.
        tell(&mut self.groups, "")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        drop(self.groups.take());
        // If one of these fails, nothing more can be done about it.
        let _ = self.watchdog.wait();
        let _ = self.epmd.take().map(|mut epmd| epmd.wait());
        let _ = self.vm.take().map(|mut vm| vm.wait());
    }
}

/// Returns a command whose process has a process group of its own, which an interrupt from the terminal does not reach.
fn background(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}

fn tell(groups: &mut Option<ChildStdin>, group: impl Display) -> io::Result<()> {
    groups.as_mut().map_or(Ok(()), |groups| writeln!(groups, "{group}"))
}

/// Returns the states of the threads of a process group. Where there is no `/proc`, it seems to have none.
fn threads_of(group: u32) -> io::Result<Vec<char>> {
    let mut states = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten() {
        for thread in fs::read_dir(process?.path().join("task")).into_iter().flatten() {
            // It may have ended meanwhile.
            let stat = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
            // Behind the name, which may have blanks: state, parent, group.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            let (state, of) = (fields.next(), fields.nth(1));
            if of.and_then(|of| of.parse().ok()) == Some(group) {
                states.extend(state.and_then(|state| state.chars().next()));
            }
        }
    }
    Ok(states)
}

/// Returns whether anything listens on loopback at `port`.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Polls until the condition holds.
///
/// # Errors
///
/// Fails if it does not hold within [`EXIT_TIMEOUT`], or if polling fails.
pub(super) fn wait_until(
    what: &str,
    mut happened: impl FnMut() -> io::Result<bool>,
) -> io::Result<()> {
    let deadline = Instant::now() + EXIT_TIMEOUT;
    while !happened()? {
        if Instant::now() > deadline {
            let waited = EXIT_TIMEOUT.as_secs();
            return Err(io::Error::other(format!("waited {waited} s in vain for {what}")));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}
