//! Recorded logs and spans.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// Records the log of this thread, and so of the whole case, until it is dropped.
pub struct Logs {
    log: Arc<Log>,
    _guard: Option<DefaultGuard>,
}

/// Offers every event to the subscriber of the thread that emits it.
///
/// Without a global subscriber, a call site that is first reached on a thread without one is cached as of no interest,
/// and stays so while only one other thread records.
pub fn ask_each_thread() {
    // It is set already if there is a second backend.
    let _ = tracing::subscriber::set_global_default(Unrecorded);
}

/// The subscriber of threads that record nothing.
struct Unrecorded;

impl Subscriber for Unrecorded {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its level.
    pub level: Level,
    /// The module that logged it.
    pub target: &'static str,
    /// Its fields as text; the text of the line is `message`.
    pub fields: BTreeMap<&'static str, String>,
}

/// One span.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// Its fields as text.
    pub fields: BTreeMap<&'static str, String>,
}

struct Log {
    level: Level,
    next: AtomicU64,
    recorded: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    events: Vec<Event>,
    spans: Vec<(u64, Span)>,
    metadata: BTreeMap<u64, &'static Metadata<'static>>,
    /// The spans that are entered now, innermost last.
    entered: Vec<u64>,
}

impl Logs {
    /// Records events of `level` and above, until it is dropped.
    pub fn record(level: Level) -> Self {
        let log = Log::new(level);
        let guard = tracing::subscriber::set_default(Arc::clone(&log));
        Self { log, _guard: Some(guard) }
    }

    /// Records events of `level` and above of all threads, for as long as the process runs.
    ///
    /// # Panics
    ///
    /// Panics if the process records all threads already.
    pub fn record_all_threads(level: Level) -> Self {
        let log = Log::new(level);
        let set = tracing::subscriber::set_global_default(Arc::clone(&log));
        set.expect("nothing else records all threads");
        Self { log, _guard: None }
    }

    /// Returns the events so far of the framework's own crates.
    pub fn events(&self) -> Vec<Event> {
        let recorded = self.log.recorded();
        recorded.events.iter().filter(|event| event.target.starts_with("rpc_")).cloned().collect()
    }

    /// Returns the events of a level.
    pub fn at(&self, level: Level) -> Vec<Event> {
        self.events().into_iter().filter(|event| event.level == level).collect()
    }

    /// Returns the spans of this name, in the order in which they were opened.
    pub fn spans(&self, name: &str) -> Vec<Span> {
        let recorded = self.log.recorded();
        recorded
            .spans
            .iter()
            .filter(|(_, span)| span.name == name)
            .map(|(_, s)| s.clone())
            .collect()
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.events()).finish()
    }
}

impl Event {
    /// Returns whether the message or another field contains the text.
    pub fn says(&self, text: &str) -> bool {
        self.fields.values().any(|value| value.contains(text))
    }
}

impl Log {
    fn new(level: Level) -> Arc<Self> {
        Arc::new(Self { level, next: AtomicU64::new(1), recorded: Mutex::default() })
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = Span { name: attributes.metadata().name(), fields: fields.0 };
        let mut recorded = self.recorded();
        recorded.spans.push((id, span));
        recorded.metadata.insert(id, attributes.metadata());
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut recorded = self.recorded();
        let span = recorded.spans.iter_mut().find(|(known, _)| *known == id.into_u64());
        if let Some((_, span)) = span {
            let mut fields = Fields(std::mem::take(&mut span.fields));
            values.record(&mut fields);
            span.fields = fields.0;
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        self.recorded().events.push(Event { level, target, fields: fields.0 });
    }

    fn enter(&self, id: &Id) {
        self.recorded().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut recorded = self.recorded();
        let position = recorded.entered.iter().rposition(|entered| *entered == id.into_u64());
        if let Some(position) = position {
            recorded.entered.remove(position);
        }
    }

    fn current_span(&self) -> Current {
        let recorded = self.recorded();
        let current = recorded.entered.last().copied();
        match current.and_then(|id| Some((id, *recorded.metadata.get(&id)?))) {
            Some((id, metadata)) => Current::new(Id::from_u64(id), metadata),
            None => Current::none(),
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
