//! The events of a run, in one order for all participants.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The events of a run. Clones share them.
#[derive(Debug)]
pub struct History<K>(Arc<Shared<K>>);

#[derive(Debug)]
struct Shared<K> {
    began: Instant,
    events: Mutex<Vec<Event<K>>>,
}

/// One event of a run.
#[derive(Debug)]
pub struct Event<K> {
    /// When it happened, since the run began.
    pub at: Duration,
    /// What happened.
    pub kind: K,
}

impl<K> History<K> {
    /// Begins a run.
    #[must_use]
    pub fn begin() -> Self {
        Self(Arc::new(Shared { began: Instant::now(), events: Mutex::default() }))
    }

    /// Records an event.
    pub fn record(&self, kind: K) {
        self.record_with(|_| kind);
    }

    /// Records an event that contains its own position, and returns the position.
    pub fn record_with(&self, kind: impl FnOnce(usize) -> K) -> usize {
        let at = self.0.began.elapsed();
        let mut events = self.lock();
        let position = events.len();
        events.push(Event { at, kind: kind(position) });
        position
    }

    /// Counts the events so far that match.
    pub fn count(&self, matches: impl Fn(&K) -> bool) -> usize {
        self.lock().iter().filter(|event| matches(&event.kind)).count()
    }

    /// Ends the run, and returns its events.
    #[must_use]
    pub fn end(&self) -> Vec<Event<K>> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event<K>>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Clone for History<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: fmt::Display> fmt::Display for Event<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.3?}  {}", self.at, self.kind)
    }
}
