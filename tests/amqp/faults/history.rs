//! The events of a run, in one order for all participants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{CallError, Context, MessageId, RpcClient};
use rpc_tests::support::history;
use tokio::time::{Instant, timeout};

use crate::log::in_doubt;
use crate::promise::Promise;
use crate::service::{MORTAL, ServiceClient};

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
        /// The id of the message, as servers log it.
        id: Option<MessageId>,
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
    /// The caller dropped its call.
    Dropped {
        call: u64,
    },
    /// An injected fault, in words.
    Fault(String),
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Sent { call, step } => write!(f, "{call} sent: {step:?}"),
            EventKind::Began { call, server, .. } => write!(f, "{call} began at {server}"),
            EventKind::Finished { call, server } => write!(f, "{call} was finished at {server}"),
            EventKind::Told { call, told: Ok(value), after } => {
                write!(f, "{call} succeeded after {after:?}: {value:?}")
            }
            EventKind::Told { call, told: Err(error), .. } => write!(f, "{call} failed: {error}"),
            EventKind::Dropped { call } => write!(f, "{call} dropped by its caller"),
            EventKind::Fault(what) => write!(f, "{what}"),
        }
    }
}

/// One message.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    /// How long its method takes.
    pub(crate) takes: Duration,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Cast,
    Fanout,
    /// A cast to the server that can be killed. The method kills its process.
    KillingCast,
}

impl Step {
    pub(crate) const fn call(takes: Duration, timeout: Duration) -> Self {
        Self { kind: Kind::Call, takes, timeout }
    }

    pub(crate) const fn cast(takes: Duration, timeout: Duration) -> Self {
        Self { kind: Kind::Cast, takes, timeout }
    }

    /// Returns whether its caller gets a result.
    pub(crate) fn is_call(&self) -> bool {
        self.kind == Kind::Call
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
        let call = self.note_sent(step);
        let begun = Instant::now();
        let told = send(client, call, step).await;
        self.record(EventKind::Told { call, told: told.clone(), after: begun.elapsed() });
        told
    }

    /// Takes a step, and drops it after this time.
    pub(crate) async fn take_and_drop(&self, client: &RpcClient, step: Step, after: Duration) {
        let call = self.note_sent(step);
        let begun = Instant::now();
        match timeout(after, send(client, call, step)).await {
            Ok(told) => self.record(EventKind::Told { call, told, after: begun.elapsed() }),
            Err(_) => self.record(EventKind::Dropped { call }),
        }
    }

    fn note_sent(&self, step: Step) -> u64 {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        self.record(EventKind::Sent { call, step });
        call
    }

    /// Returns how often methods began.
    pub(crate) fn begun(&self) -> usize {
        self.events.count(|what| matches!(what, EventKind::Began { .. }))
    }

    /// Returns whether the method of a call has begun.
    pub(crate) fn has_begun(&self, number: u64) -> bool {
        self.events.count(|what| matches!(what, EventKind::Began { call, .. } if *call == number))
            > 0
    }

    /// Returns how often methods finished.
    pub(crate) fn finished(&self) -> usize {
        self.events.count(|what| matches!(what, EventKind::Finished { .. }))
    }

    pub(crate) fn end(&self) -> Vec<Event> {
        self.events.end()
    }
}

async fn send(client: &RpcClient, call: u64, step: Step) -> Told {
    let client = ServiceClient::from(client.clone());
    let (ctx, takes) = (Context::new(), u64::try_from(step.takes.as_millis()).unwrap());
    let work = client.work(&ctx, call, takes).timeout(step.timeout);
    let sent = match step.kind {
        Kind::Call => return work.await.map(Some),
        Kind::Cast => work.cast(),
        Kind::Fanout => work.fanout(),
        Kind::KillingCast => client.die(&ctx, call).to_server(MORTAL).cast(),
    };
    sent.timeout(step.timeout).await.map(|()| None)
}

/// A run that is over.
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) acknowledge: AckMode,
    pub(crate) promise: Promise,
    /// The servers that nothing happened to.
    pub(crate) steady: Vec<&'static str>,
    /// The ids of messages that servers reported as in doubt.
    pub(crate) in_doubt: BTreeSet<String>,
    /// How many messages waited for the broker to confirm their acknowledgement when something went wrong: at most.
    pub(crate) waited: u64,
    /// The measured timer lag: how late the latest timer of the run fired.
    pub(crate) timer_lag: Duration,
}

impl Record {
    /// Creates the record of a run in which connections may be lost.
    pub(crate) fn new(events: Vec<Event>, timer_lag: Duration) -> Self {
        Self {
            events,
            acknowledge: AckMode::Confirmed,
            promise: Promise::connection_lost(AckMode::Confirmed),
            steady: Vec::new(),
            in_doubt: in_doubt(),
            waited: 0,
            timer_lag,
        }
    }

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
