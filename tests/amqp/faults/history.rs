//! What happened in a run, in one order for all that took part.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{CallError, Context, RpcClient};
use tokio::time::Instant;

use crate::service::ServiceClient;

/// What a caller was told; a cast that was handed over has no value.
pub(crate) type Told = Result<Option<u64>, CallError>;

pub(crate) enum What {
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
    /// What befell somebody, in words.
    Struck(String),
}

pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3?}  ", self.at)?;
        match &self.what {
            What::Sent { call, step } => write!(f, "{call} sent: {step:?}"),
            What::Began { call, server } => write!(f, "{call} began at {server}"),
            What::Finished { call, server } => write!(f, "{call} was finished at {server}"),
            What::Told { call, told: Ok(value), after } => {
                write!(f, "{call} went well after {after:?}: {value:?}")
            }
            What::Told { call, told: Err(error), .. } => write!(f, "{call} failed: {error}"),
            What::Struck(what) => write!(f, "{what}"),
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

#[derive(Clone)]
pub(crate) struct History(Arc<Shared>);

struct Shared {
    began: Instant,
    calls: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl History {
    pub(crate) fn begin() -> Self {
        let (calls, events) = (AtomicU64::new(0), Mutex::default());
        Self(Arc::new(Shared { began: Instant::now(), calls, events }))
    }

    pub(crate) fn note(&self, what: What) {
        let mut events = self.lock();
        events.push(Event { at: self.0.began.elapsed(), what });
    }

    /// Takes a step, and notes what comes of it.
    pub(crate) async fn take(&self, client: &RpcClient, step: Step) -> Told {
        let call = self.0.calls.fetch_add(1, Ordering::Relaxed);
        let client = ServiceClient::from(client.clone());
        self.note(What::Sent { call, step });
        let begun = Instant::now();
        let takes = u64::try_from(step.takes.as_millis()).unwrap();
        let sent = client.work(&Context::new(), call, takes).timeout(step.timeout);
        let told = match step.is_cast {
            true => sent.cast().timeout(step.timeout).await.map(|()| None),
            false => sent.await.map(Some),
        };
        self.note(What::Told { call, told: told.clone(), after: begun.elapsed() });
        told
    }

    /// How often methods began.
    pub(crate) fn begun(&self) -> usize {
        self.lock().iter().filter(|event| matches!(event.what, What::Began { .. })).count()
    }

    /// How often methods were done.
    pub(crate) fn finished(&self) -> usize {
        self.lock().iter().filter(|event| matches!(event.what, What::Finished { .. })).count()
    }

    pub(crate) fn end(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is over.
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) acknowledge: AckMode,
    /// The most that a timer of the run was late.
    pub(crate) lag: Duration,
}

impl Record {
    /// How it went, in one line.
    pub(crate) fn summary(&self) -> String {
        let told = self.events.iter().filter_map(|event| match &event.what {
            What::Told { told, .. } => Some(told),
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
        format!("{good} went well, failed: {failed:?}, timers were late by {:?}", self.lag)
    }
}
