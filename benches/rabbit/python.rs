//! The Python peer: a client and a server in a process each, with oslo.messaging's defaults.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Fallible;
use crate::load::{Sample, Subject};

pub(crate) struct Python {
    _server: Process,
    client: Process,
}

impl Python {
    pub(crate) fn start(interpreter: &Path, url: &str) -> Fallible<Self> {
        let mut server = Process::start(interpreter, "server", url)?;
        server.line()?;
        let mut client = Process::start(interpreter, "client", url)?;
        client.line()?;
        Ok(Self { _server: server, client })
    }
}

impl Subject for Python {
    fn measure(&mut self, in_flight: usize, time: Duration) -> Fallible<Sample> {
        writeln!(self.client.commands, "{in_flight} {}", time.as_secs_f64())?;
        let sample: Value = serde_json::from_str(&self.client.line()?)?;
        let number = |name: &str| sample[name].as_f64().ok_or(format!("no {name} in {sample}"));
        Ok(Sample { calls_per_second: number("calls_per_second")?, latency: number("latency")? })
    }
}

/// A Python process. It ends when its standard input ends.
struct Process {
    child: Child,
    commands: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(interpreter: &Path, role: &str, url: &str) -> Fallible<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("rabbit/peer.py");
        let mut child = Command::new(interpreter)
            // Eventlet warns that it is deprecated at each import.
            .args(["-W", "ignore"])
            .arg(program)
            .args([role, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take().ok_or("a process without input")?;
        let output = child.stdout.take().ok_or("a process without output")?;
        Ok(Self { child, commands, output: BufReader::new(output).lines() })
    }

    fn line(&mut self) -> Fallible<String> {
        Ok(self.output.next().ok_or("the Python peer has ended; its errors are above")??)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
