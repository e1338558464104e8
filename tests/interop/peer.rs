//! A Python process that answers commands.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Exception, interpreter};

/// How long a command may take. No command of a case takes as long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How many lines of standard error are kept.
const LINES: usize = 60;

/// A running Python program: one JSON command a line in, one JSON answer a line out, events in between.
///
/// It is independent of runtimes. It ends when it is dropped, or when this process ends, for whatever reason.
#[derive(Debug)]
pub struct Peer {
    name: String,
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    asked: AtomicU64,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    listening: Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>,
    complaints: Mutex<VecDeque<String>>,
}

/// One line from the peer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Event {
        event: String,
        server: String,
        #[serde(flatten)]
        rest: Map<String, Value>,
    },
    Answer {
        id: u64,
        #[serde(flatten)]
        answer: Answer,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Result(Value),
    Error(Exception),
}

impl Peer {
    /// Starts a program of `tests/interop/peers` with a release of oslo.messaging.
    ///
    /// # Panics
    ///
    /// Panics if the interpreter is missing or does not start.
    #[must_use]
    pub fn start(script: &str, version: &'static str) -> Self {
        let python = interpreter(version).unwrap_or_else(|missing| panic!("{missing}"));
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/peers").join(script);
        let mut command = Command::new(&python);
        // Writes no byte code next to the sources, and warns of no deprecated parts of the libraries.
        command.args(["-B", "-W", "ignore"]).arg(program);
        // Where the library locks the counter of its stable queue names.
        command.env("OSLO_LOCK_PATH", std::env::temp_dir());
        // The library reads the start time of the leader of its process group, which must be alive.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("start {}: {error}", python.display()));
        let shared = Arc::new(Shared::default());
        let (output, complaints) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (listener, reader) = (Arc::clone(&shared), Arc::clone(&shared));
        thread::spawn(move || listener.listen(output));
        thread::spawn(move || reader.note_complaints(complaints));
        let input = Mutex::new(child.stdin.take().unwrap());
        let name = format!("{script} of oslo.messaging {version}");
        Self { name, child: Mutex::new(child), input, asked: AtomicU64::new(0), shared }
    }

    /// Runs a command and waits for its answer.
    ///
    /// # Errors
    ///
    /// Returns what the command raised.
    ///
    /// # Panics
    ///
    /// Panics if the peer has ended or does not answer in time.
    pub async fn ask(&self, what: &str, mut members: Value) -> Result<Value, Exception> {
        let id = self.asked.fetch_add(1, Ordering::Relaxed);
        members["id"] = id.into();
        members["do"] = what.into();
        let (sender, receiver) = oneshot::channel();
        lock(&self.shared.waiting).insert(id, sender);
        // If the peer has ended, the wait for the answer fails below.
        let _ = lock(&self.input).write_all(format!("{members}\n").as_bytes());
        match timeout(ANSWER_TIMEOUT, receiver).await {
            Ok(Ok(Answer::Result(result))) => Ok(result),
            Ok(Ok(Answer::Error(error))) => Err(error),
            Ok(Err(_)) => panic!("{} ended: {}", self.name, self.complaints()),
            Err(_) => panic!("{} does not answer `{what}`: {}", self.name, self.complaints()),
        }
    }

    /// Returns a receiver of the coming events of one of the peer's servers.
    pub fn events(&self, server: &str) -> mpsc::UnboundedReceiver<Value> {
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&self.shared.listening).insert(server.to_owned(), sender);
        receiver
    }

    /// Returns the last lines that it wrote to standard error.
    #[must_use]
    pub fn complaints(&self) -> String {
        let lines = lock(&self.shared.complaints);
        lines.iter().flat_map(|line| ["\n  ", line]).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        // Fails if it has ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Shared {
    fn listen(&self, output: impl Read) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Line::Answer { id, answer }) => self.answer(id, answer),
                Ok(Line::Event { event, server, mut rest }) => {
                    rest.insert("event".into(), event.into());
                    if let Some(listener) = lock(&self.listening).get(&server) {
                        // A case may end without looking.
                        let _ = listener.send(rest.into());
                    }
                }
                Err(error) => self.complain(format!("unreadable answer: {error}: {line}")),
            }
        }
        // No more answers come: those who wait learn that the peer has ended.
        lock(&self.waiting).clear();
    }

    fn answer(&self, id: u64, answer: Answer) {
        if let Some(waiting) = lock(&self.waiting).remove(&id) {
            // The case may have given up.
            let _ = waiting.send(answer);
        }
    }

    fn note_complaints(&self, output: impl Read) {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            self.complain(line);
        }
    }

    fn complain(&self, line: String) {
        let mut lines = lock(&self.complaints);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Locks, also after a case has panicked while it held the lock: it left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
