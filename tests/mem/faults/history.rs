//! The events of a run, in one order for all participants.

use std::fmt;
use std::time::Duration;

use rpc_core::server::{ShutdownReport, Stats};
use rpc_core::{CallError, FailureKind, MessageId};
use rpc_tests::support::history;

use crate::plan::ServerPlan;
use crate::service::ServiceRejectExpected;

pub(crate) type History = history::History<EventKind>;
pub(crate) type Event = history::Event<EventKind>;

/// The outcome that a caller got. A cast that was published has no value.
pub(crate) type Told = Result<Option<u32>, CallError<ServiceRejectExpected>>;

/// The number of a server from its start to its end. A server that is started again gets another number.
pub(crate) type ServerNo = usize;

/// The number of one delivery of a message. A message that is redelivered or duplicated has several.
pub(crate) type DeliveryNo = usize;

#[derive(Debug)]
pub(crate) enum EventKind {
    Started {
        server: ServerNo,
        plan: ServerPlan,
    },
    Stopping {
        server: ServerNo,
    },
    ServerEnded {
        server: ServerNo,
        report: ShutdownReport,
    },
    Restarted,
    Closed,
    Sent {
        call: u32,
        id: MessageId,
    },
    Delivered {
        delivery: DeliveryNo,
        server: ServerNo,
        call: u32,
        redelivered: bool,
        wants_reply: bool,
    },
    Acknowledged {
        delivery: DeliveryNo,
        ok: bool,
    },
    Answered {
        delivery: DeliveryNo,
        failure: Option<FailureKind>,
        ok: bool,
    },
    /// The server has dropped the delivery.
    Left {
        delivery: DeliveryNo,
    },
    Began {
        server: ServerNo,
        call: u32,
    },
    Finished {
        server: ServerNo,
        call: u32,
    },
    /// The method's future was dropped before its end.
    Aborted {
        server: ServerNo,
        call: u32,
    },
    Told {
        call: u32,
        told: Told,
        after: Duration,
    },
    /// The caller dropped the call.
    Dropped {
        call: u32,
    },
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Told { call, told: Err(error), .. } => {
                write!(f, "Told {{ call: {call} }} {error}")
            }
            what => write!(f, "{what:?}"),
        }
    }
}

/// A run that is over.
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    /// The injected faults, with the numbers of the calls that they hit.
    pub(crate) faults: Vec<(rpc_transport_mem::Fault, u32)>,
    /// Each server's last statistics, or `None` if it never started.
    pub(crate) stats: Vec<Option<Stats>>,
    pub(crate) left: Left,
    /// Why the run did not end.
    pub(crate) hangs: Option<&'static str>,
}

/// What was left on the broker.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) pending_calls: usize,
    pub(crate) queued: usize,
    pub(crate) unacknowledged: usize,
    pub(crate) listeners: usize,
}
