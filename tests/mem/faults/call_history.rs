//! A history told anew: by call, by delivery and by server.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rpc_core::FailureKind;
use rpc_core::server::{AckMode, ShutdownReport, Stats};
use rpc_transport_mem::Fault;

use crate::history::{DeliveryNo, Record, ServerNo, Told, What};
use crate::plan::{Plan, ServerPlan, Step};

/// When something happened: its place in the history.
pub(crate) type When = usize;

pub(crate) struct Tale<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) record: &'a Record,
    pub(crate) calls: Vec<CallTale<'a>>,
    pub(crate) servers: BTreeMap<ServerNo, ServerTale<'a>>,
}

pub(crate) struct CallTale<'a> {
    pub(crate) step: &'a Step,
    pub(crate) sent: usize,
    pub(crate) first_sent: Option<When>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) runs: Vec<Run>,
    pub(crate) told: Vec<(When, &'a Told, Duration)>,
    pub(crate) dropped: usize,
    pub(crate) faults: Vec<Fault>,
}

/// One delivery of a message to a server.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) number: DeliveryNo,
    pub(crate) server: ServerNo,
    pub(crate) redelivered: bool,
    pub(crate) wants_reply: bool,
    /// Its server has seen the message before.
    pub(crate) duplicate: bool,
    /// Not run on principle: it came back to a server that runs at most once.
    pub(crate) unwelcome: bool,
    pub(crate) acknowledged: Vec<(When, bool)>,
    pub(crate) answers: Vec<(When, Option<FailureKind>, bool)>,
    pub(crate) left: bool,
}

impl Visit {
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
    pub(crate) cut_off: bool,
}

pub(crate) struct ServerTale<'a> {
    pub(crate) plan: &'a ServerPlan,
    pub(crate) asked_to_stop: bool,
    pub(crate) report: Option<&'a ShutdownReport>,
    pub(crate) stats: Option<Stats>,
}

impl<'a> Tale<'a> {
    pub(crate) fn of(plan: &'a Plan, record: &'a Record) -> Self {
        let calls = plan.steps().map(|step| CallTale {
            step,
            sent: 0,
            first_sent: None,
            visits: Vec::new(),
            runs: Vec::new(),
            told: Vec::new(),
            dropped: 0,
            faults: Vec::new(),
        });
        let calls = calls.collect();
        let mut tale = Self { plan, record, calls, servers: BTreeMap::new() };
        let mut telling = Telling::default();
        for (when, event) in record.events.iter().enumerate() {
            tale.add(when, &event.what, &mut telling);
        }
        for &(fault, call) in &record.faults {
            tale.call(call).faults.push(fault);
        }
        tale
    }

    fn call(&mut self, number: u32) -> &mut CallTale<'a> {
        // Steps are numbered from one, in their order.
        &mut self.calls[number as usize - 1]
    }

    fn add(&mut self, when: When, what: &'a What, telling: &mut Telling) {
        match what {
            What::Started { server, plan } => {
                let stats = self.record.stats[*server];
                self.servers.insert(
                    *server,
                    ServerTale { plan, asked_to_stop: false, report: None, stats },
                );
            }
            What::Ended { server, report } => {
                self.servers.get_mut(server).expect("it was started").report = Some(report);
            }
            What::Stopping { server } => {
                // One that could not start is stopped, too.
                let server = self.servers.get_mut(server);
                server.into_iter().for_each(|server| server.asked_to_stop = true);
            }
            What::Restarted | What::Closed => {}
            What::Sent { call, .. } => {
                let call = self.call(*call);
                call.sent += 1;
                call.first_sent.get_or_insert(when);
            }
            What::Told { call, told, after } => self.call(*call).told.push((when, told, *after)),
            What::Dropped { call } => self.call(*call).dropped += 1,
            &What::Began { server, call } => {
                self.call(call).runs.push(Run {
                    server,
                    began: when,
                    finished: None,
                    cut_off: false,
                });
            }
            &What::Finished { server, call } => self.run(server, call).finished = Some(when),
            &What::CutOff { server, call } => self.run(server, call).cut_off = true,
            &What::Delivered { delivery, server, call, redelivered, wants_reply } => {
                let duplicate = !redelivered && !telling.seen.insert((server, call));
                let unwelcome = redelivered && self.servers[&server].plan.is_at_most_once();
                telling.calls.insert(delivery, call);
                self.call(call).visits.push(Visit {
                    number: delivery,
                    server,
                    redelivered,
                    wants_reply,
                    duplicate,
                    unwelcome,
                    acknowledged: Vec::new(),
                    answers: Vec::new(),
                    left: false,
                });
            }
            &What::Acknowledged { delivery, ok } => {
                self.visit(delivery, telling).acknowledged.push((when, ok));
            }
            &What::Answered { delivery, failure, ok } => {
                self.visit(delivery, telling).answers.push((when, failure, ok));
            }
            &What::Left { delivery } => self.visit(delivery, telling).left = true,
        }
    }

    /// The run that is under way.
    fn run(&mut self, server: ServerNo, call: u32) -> &mut Run {
        let mut runs = self.call(call).runs.iter_mut();
        let run = runs.find(|run| run.server == server && run.finished.is_none() && !run.cut_off);
        run.expect("what ends has begun")
    }

    fn visit(&mut self, delivery: DeliveryNo, telling: &Telling) -> &mut Visit {
        let call = self.call(telling.calls[&delivery]);
        let visit = call.visits.iter_mut().find(|visit| visit.number == delivery);
        visit.expect("what is acknowledged or answered was delivered")
    }

    pub(crate) fn acknowledges(&self, visit: &Visit) -> AckMode {
        self.servers[&visit.server].plan.acknowledge
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.record.events.iter().any(|event| matches!(event.what, What::Closed))
    }
}

#[derive(Default)]
struct Telling {
    calls: BTreeMap<DeliveryNo, u32>,
    /// What each server has seen for the first time.
    seen: HashSet<(ServerNo, u32)>,
}

impl CallTale<'_> {
    pub(crate) fn is_struck_by(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// How many copies of its message there were: one for each time it was sent, one for each duplicate.
    pub(crate) fn copies(&self) -> usize {
        self.sent + self.faults.iter().filter(|fault| **fault == Fault::Duplicate).count()
    }
}
