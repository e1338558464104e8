//! The events of a run, in one order for all participants.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{CallError, Context, RpcClient};
use rpc_tests::support::history;
use tokio::time::Instant;

use crate::service::ServiceClient;

pub(crate) type Event = history::Event<EventKind>;

/// The outcome that a caller got. A cast that was published has no value.
pub(crate) type Told = Result<Option<u64>, CallError>;

pub(crate) enum EventKind {
    Sent {
        call: u64,
        step: Step,
    },
    Began {
        call: u64,
        server: &'static str,
    },
    Finished {
        call: u64,
        server: &'static str,
    },
    Told {
        call: u64,
        told: Told,
        after: Duration,
    },
    /// An injected fault, in words.
    Fault(String),
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Sent { call, step } => write!(f, "{call} sent: {step:?}"),
            EventKind::Began { call, server } => write!(f, "{call} began at {server}"),
            EventKind::Finished { call, server } => write!(f, "{call} was finished at {server}"),
            EventKind::Told { call, told: Ok(value), after } => {
                write!(f, "{call} succeeded after {after:?}: {value:?}")
            }
            EventKind::Told { call, told: Err(error), .. } => write!(f, "{call} failed: {error}"),
            EventKind::Fault(what) => write!(f, "{what}"),
        }
    }
}

/// One call or cast.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Step {
    pub(crate) is_cast: bool,
    /// How long its method takes.
    pub(crate) takes: Duration,
    pub(crate) timeout: Duration,
}

impl Step {
    pub(crate) const fn call(takes: Duration, timeout: Duration) -> Self {
        Self { is_cast: false, takes, timeout }
    }

    pub(crate) const fn cast(takes: Duration, timeout: Duration) -> Self {
        Self { is_cast: true, takes, timeout }
    }
}

/// The history of a run, and the numbers of its calls.
#[derive(Clone)]
pub(crate) struct History {
    events: history::History<EventKind>,
    calls: Arc<AtomicU64>,
}

impl History {
    pub(crate) fn begin() -> Self {
        Self { events: history::History::begin(), calls: Arc::default() }
    }

    pub(crate) fn record(&self, what: EventKind) {
        self.events.record(what);
    }

    /// Takes a step, and notes what comes of it.
    pub(crate) async fn take(&self, client: &RpcClient, step: Step) -> Told {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let client = ServiceClient::from(client.clone());
        self.record(EventKind::Sent { call, step });
        let begun = Instant::now();
        let takes = u64::try_from(step.takes.as_millis()).unwrap();
        let sent = client.work(&Context::new(), call, takes).timeout(step.timeout);
        let told = match step.is_cast {
            true => sent.cast().timeout(step.timeout).await.map(|()| None),
            false => sent.await.map(Some),
        };
        self.record(EventKind::Told { call, told: told.clone(), after: begun.elapsed() });
        told
    }

    /// Returns how often methods began.
    pub(crate) fn begun(&self) -> usize {
        self.events.count(|what| matches!(what, EventKind::Began { .. }))
    }

    /// Returns how often methods finished.
    pub(crate) fn finished(&self) -> usize {
        self.events.count(|what| matches!(what, EventKind::Finished { .. }))
    }

    pub(crate) fn end(&self) -> Vec<Event> {
        self.events.end()
    }
}

/// A run that is over.
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) acknowledge: AckMode,
    /// How many messages the servers reported as in doubt.
    pub(crate) in_doubt: u64,
    /// The measured timer lag: how late the latest timer of the run fired.
    pub(crate) timer_lag: Duration,
}

impl Record {
    /// Returns a summary in one line.
    pub(crate) fn summary(&self) -> String {
        let told = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Told { told, .. } => Some(told),
            _ => None,
        });
        let (mut good, mut failed) = (0, BTreeMap::<String, usize>::new());
        for told in told {
            match told {
                Ok(_) => good += 1,
                Err(CallError::Transport(error)) => {
                    *failed
                        .entry(format!("{:?}, ran {}", error.kind(), error.ran()))
                        .or_default() += 1;
                }
                Err(CallError::Timeout(error)) => {
                    let kind = format!("Timeout({:?}), ran {}", error.phase(), error.ran());
                    *failed.entry(kind).or_default() += 1;
                }
                Err(error) => *failed.entry(format!("{error:?}")).or_default() += 1,
            }
        }
        format!("{good} succeeded, failed: {failed:?}, timers were late by {:?}", self.timer_lag)
    }
}
