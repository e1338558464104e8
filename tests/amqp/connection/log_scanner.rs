//! A subscriber that searches all logs of the process for secrets.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use rpc_tests::conformance::harness::Logs;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Secrets that no other test uses: percent-encoded as in URLs, and plain.
pub const WRITTEN: [&str; 2] = ["hunter2%2FZq9", "swordfish%40Vx4"];
pub const SECRETS: [&str; 2] = ["hunter2/Zq9", "swordfish@Vx4"];

/// Reads everything that any thread of the process logs, also in other crates, and keeps the lines that contain a
/// secret.
#[derive(Default)]
pub struct LogScanner {
    found: Mutex<Vec<String>>,
    /// How many lines the crates of this workspace logged.
    workspace_lines: AtomicU64,
}

/// Returns the form in which a text contains a secret.
pub fn find_secret(text: &str) -> Option<String> {
    SECRETS.iter().chain(&WRITTEN).find_map(|secret| {
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        [secret, bytes].into_iter().find(|form| text.contains(form)).map(str::to_owned)
    })
}

/// The scanner of the process.
pub static LOG_SCANNER: LazyLock<&'static LogScanner> = LazyLock::new(|| {
    let scanner: &'static LogScanner = Box::leak(Box::default());
    tracing::subscriber::set_global_default(OfAllThreads(scanner)).unwrap();
    scanner
});

/// Records the warnings of this thread.
///
/// One thread records them and others do not, so every line must be offered to each thread. That is the case once there is a
/// subscriber for all threads.
pub fn warnings() -> Logs {
    LazyLock::force(&LOG_SCANNER);
    Logs::record(Level::WARN)
}

impl LogScanner {
    fn read(&self, target: &str, record: impl FnOnce(&mut Text)) {
        let mut text = Text(String::new());
        record(&mut text);
        if target.starts_with("rpc_") {
            self.workspace_lines.fetch_add(1, Ordering::Relaxed);
        }
        if find_secret(&text.0).is_some() {
            let line = format!("{target} {}", text.0);
            self.found.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// Asserts that many lines were logged, and none with a secret.
    pub fn assert_nothing_found(&self) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(found.is_empty(), "{found:#?}");
        let lines = self.workspace_lines.load(Ordering::Relaxed);
        assert!(lines > 20, "read only {lines} lines of the workspace");
    }
}

struct OfAllThreads(&'static LogScanner);

impl Subscriber for OfAllThreads {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.0.read(attributes.metadata().target(), |text| attributes.record(text));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.0.read("a span's field", |text| values.record(text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.read(event.metadata().target(), |text| event.record(text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{field}={value} ");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
