//! What happened to one message of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::MessageId;
use rpc_core::server::AckMode;

use crate::history::{EventKind, Kind, Record, Step, Told};

/// The events of one message, by their positions in the record.
#[derive(Default)]
pub(crate) struct CallHistory<'a> {
    pub(crate) sent: Option<Step>,
    pub(crate) began: Vec<usize>,
    /// The servers that began it.
    pub(crate) servers: Vec<&'static str>,
    pub(crate) finished: Vec<usize>,
    pub(crate) told: Vec<(usize, &'a Told, Duration)>,
    /// Whether its caller dropped it.
    pub(crate) dropped: bool,
    id: Option<MessageId>,
}

impl<'a> CallHistory<'a> {
    /// Returns what happened to each message of a run, by its number.
    pub(crate) fn all(record: &'a Record) -> BTreeMap<u64, Self> {
        let mut all: BTreeMap<u64, Self> = BTreeMap::new();
        for (at, event) in record.events.iter().enumerate() {
            match &event.kind {
                EventKind::Sent { call, step } => all.entry(*call).or_default().sent = Some(*step),
                EventKind::Began { call, server, id } => {
                    let this = all.entry(*call).or_default();
                    this.began.push(at);
                    this.servers.push(server);
                    this.id = *id;
                }
                EventKind::Finished { call, .. } => {
                    all.entry(*call).or_default().finished.push(at);
                }
                EventKind::Told { call, told, after } => {
                    all.entry(*call).or_default().told.push((at, told, *after));
                }
                EventKind::Dropped { call } => all.entry(*call).or_default().dropped = true,
                EventKind::Fault(_) => {}
            }
        }
        all
    }

    /// Returns whether the broker took the message, and it did not run. A fanout has to run at all servers that nothing happened to.
    pub(crate) fn is_lost(&self, record: &Record, step: Step) -> bool {
        let confirmed = matches!(self.told.first(), Some((_, Ok(_), _)));
        let ran = match (step.kind, record.acknowledge) {
            (Kind::Fanout, _) => record.steady.iter().all(|name| self.servers.contains(name)),
            (_, AckMode::AfterReply) => !self.finished.is_empty(),
            _ => !self.began.is_empty(),
        };
        confirmed && !ran
    }

    /// Returns whether two servers began the message. That is what acknowledgement after the reply allows.
    pub(crate) fn is_doubled(&self, record: &Record, step: Step) -> bool {
        let once = step.kind != Kind::Fanout && record.acknowledge != AckMode::AfterReply;
        once && self.began.len() > 1
    }

    /// Returns whether a server reported that the message may run at another one, too.
    pub(crate) fn is_in_doubt(&self, record: &Record) -> bool {
        self.id.is_some_and(|id| record.in_doubt.contains(&id.to_string()))
    }
}
