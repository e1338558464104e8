//! The history of a run by call, by delivery and by server.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rpc_core::FailureKind;
use rpc_core::server::{AckMode, ShutdownReport, Stats};
use rpc_transport_mem::Fault;

use crate::history::{DeliveryNo, EventKind, Record, ServerNo, Told};
use crate::plan::{Plan, ServerPlan, Step};

/// When something happened: its place in the history.
pub(crate) type When = usize;

pub(crate) struct RunHistory<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) record: &'a Record,
    pub(crate) calls: Vec<CallHistory<'a>>,
    pub(crate) servers: BTreeMap<ServerNo, ServerHistory<'a>>,
}

pub(crate) struct CallHistory<'a> {
    pub(crate) step: &'a Step,
    pub(crate) sent: usize,
    pub(crate) first_sent: Option<When>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) runs: Vec<Run>,
    pub(crate) told: Vec<(When, &'a Told, Duration)>,
    pub(crate) dropped: usize,
    pub(crate) faults: Vec<Fault>,
}

/// One delivery of a message to a server.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) number: DeliveryNo,
    pub(crate) server: ServerNo,
    pub(crate) redelivered: bool,
    pub(crate) wants_reply: bool,
    pub(crate) known: Known,
    pub(crate) acknowledged: Vec<(When, bool)>,
    pub(crate) answers: Vec<(When, Option<FailureKind>, bool)>,
    pub(crate) left: bool,
}

/// Whether the server knows the message from an earlier delivery, and drops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    No,
    Yes,
    /// It forgets messages that it did not run, at some time after the event that shows it.
    Perhaps,
}

impl Attempt {
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.acknowledged.iter().any(|(_, ok)| *ok)
    }
}

/// One run of the call's method.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) server: ServerNo,
    pub(crate) began: When,
    pub(crate) finished: Option<When>,
    pub(crate) aborted: bool,
}

pub(crate) struct ServerHistory<'a> {
    pub(crate) plan: &'a ServerPlan,
    pub(crate) asked_to_stop: bool,
    pub(crate) report: Option<&'a ShutdownReport>,
    pub(crate) stats: Option<Stats>,
}

impl<'a> RunHistory<'a> {
    pub(crate) fn of(plan: &'a Plan, record: &'a Record) -> Self {
        let calls = plan.steps().map(|step| CallHistory {
            step,
            sent: 0,
            first_sent: None,
            attempts: Vec::new(),
            runs: Vec::new(),
            told: Vec::new(),
            dropped: 0,
            faults: Vec::new(),
        });
        let calls = calls.collect();
        let mut run_history = Self { plan, record, calls, servers: BTreeMap::new() };
        let mut index = Index::default();
        for (when, event) in record.events.iter().enumerate() {
            run_history.add(when, &event.kind, &mut index);
        }
        for &(fault, call) in &record.faults {
            run_history.call(call).faults.push(fault);
        }
        run_history
    }

    fn call(&mut self, number: u32) -> &mut CallHistory<'a> {
        // Steps are numbered from one, in their order.
        &mut self.calls[number as usize - 1]
    }

    fn add(&mut self, when: When, what: &'a EventKind, index: &mut Index) {
        match what {
            EventKind::Started { server, plan } => {
                let stats = self.record.stats[*server];
                self.servers.insert(
                    *server,
                    ServerHistory { plan, asked_to_stop: false, report: None, stats },
                );
            }
            EventKind::ServerEnded { server, report } => {
                self.servers.get_mut(server).expect("it was started").report = Some(report);
            }
            EventKind::Stopping { server } => {
                // One that could not start is stopped, too.
                let server = self.servers.get_mut(server);
                server.into_iter().for_each(|server| server.asked_to_stop = true);
            }
            EventKind::Restarted | EventKind::Closed => {}
            EventKind::Sent { call, .. } => {
                let call = self.call(*call);
                call.sent += 1;
                call.first_sent.get_or_insert(when);
            }
            EventKind::Told { call, told, after } => {
                self.call(*call).told.push((when, told, *after));
            }
            EventKind::Dropped { call } => self.call(*call).dropped += 1,
            &EventKind::Began { server, call } => {
                self.call(call).runs.push(Run {
                    server,
                    began: when,
                    finished: None,
                    aborted: false,
                });
            }
            &EventKind::Finished { server, call } => self.run(server, call).finished = Some(when),
            &EventKind::Aborted { server, call } => self.run(server, call).aborted = true,
            &EventKind::Delivered { delivery, server, call, redelivered, wants_reply } => {
                let known = *index.known.get(&(server, call)).unwrap_or(&Known::No);
                if known == Known::No {
                    index.known.insert((server, call), Known::Yes);
                }
                index.calls.insert(delivery, call);
                self.call(call).attempts.push(Attempt {
                    number: delivery,
                    server,
                    redelivered,
                    wants_reply,
                    known,
                    acknowledged: Vec::new(),
                    answers: Vec::new(),
                    left: false,
                });
            }
            &EventKind::Acknowledged { delivery, ok } => {
                let attempt = self.attempt(delivery, index);
                attempt.acknowledged.push((when, ok));
                let server = attempt.server;
                // A cast that is refused has no answer.
                if !ok || self.servers[&server].plan.acknowledge == AckMode::AfterReply {
                    self.may_forget(delivery, index);
                }
            }
            &EventKind::Answered { delivery, failure, ok } => {
                self.attempt(delivery, index).answers.push((when, failure, ok));
                if failure.is_some_and(|kind| kind != FailureKind::Expected) {
                    self.may_forget(delivery, index);
                }
            }
            &EventKind::Left { delivery } => {
                self.attempt(delivery, index).left = true;
                // It was refused, or goes back to the broker.
                self.may_forget(delivery, index);
            }
        }
    }

    /// Notes that the server may forget the message of a delivery, unless its method has begun.
    fn may_forget(&mut self, delivery: DeliveryNo, index: &mut Index) {
        let (call, server) = (index.calls[&delivery], self.attempt(delivery, index).server);
        if !self.call(call).runs.iter().any(|run| run.server == server) {
            index.known.insert((server, call), Known::Perhaps);
        }
    }

    /// Returns the run that is in progress.
    fn run(&mut self, server: ServerNo, call: u32) -> &mut Run {
        let mut runs = self.call(call).runs.iter_mut();
        let run = runs.find(|run| run.server == server && run.finished.is_none() && !run.aborted);
        run.expect("what ends has begun")
    }

    fn attempt(&mut self, delivery: DeliveryNo, index: &Index) -> &mut Attempt {
        let call = self.call(index.calls[&delivery]);
        let attempt = call.attempts.iter_mut().find(|attempt| attempt.number == delivery);
        attempt.expect("what is acknowledged or answered was delivered")
    }

    pub(crate) fn acknowledges(&self, attempt: &Attempt) -> AckMode {
        self.servers[&attempt.server].plan.acknowledge
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.record.events.iter().any(|event| matches!(event.kind, EventKind::Closed))
    }
}

#[derive(Default)]
struct Index {
    calls: BTreeMap<DeliveryNo, u32>,
    /// What each server knows.
    known: HashMap<(ServerNo, u32), Known>,
}

impl CallHistory<'_> {
    pub(crate) fn has_fault(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Returns how many copies of its message there were: one for each attempt, and one for each duplicate.
    pub(crate) fn copies(&self) -> usize {
        self.sent + self.faults.iter().filter(|fault| **fault == Fault::Duplicate).count()
    }
}
