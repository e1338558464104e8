//! The rules that every run keeps, whatever goes wrong in it.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::CallError;
use rpc_core::error::{Ran, TimeoutPhase, TransportErrorKind};
use rpc_core::server::AckMode;

use crate::history::{EventKind, Record, Step, Told};

/// How late a call may end, besides the measured timer lag.
const LATENESS: Duration = Duration::from_millis(50);

/// The events of one call, by their positions in the record.
#[derive(Default)]
struct CallHistory<'a> {
    sent: Option<Step>,
    began: Vec<usize>,
    /// The servers that began it.
    servers: Vec<&'static str>,
    finished: Vec<usize>,
    told: Vec<(usize, &'a Told, Duration)>,
}

type RuleResult = Result<(), String>;
type Rule = (&'static str, fn(&Record, &CallHistory<'_>, u64, Step) -> RuleResult);

const RULES: &[Rule] = &[
    ("every call ends in one outcome", ends_once),
    ("every call ends by its deadline", ends_in_time),
    ("a caller is told what its method did", is_told_the_truth),
    ("an error knows whether the method ran", knows_whether_it_ran),
    ("only what did not run may be sent again", may_be_sent_again),
    ("a method runs as often as its server may run it", runs_as_allowed),
];

/// Asserts that a run keeps all rules.
#[track_caller]
pub(crate) fn assert_kept(record: &Record) {
    println!("{}", record.summary());
    let broken = broken_rules(record);
    let shown = broken.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(broken.is_empty(), "{} times a rule is broken:\n{shown}", broken.len());
}

/// Returns the violations of rules: the rule, the call and its events.
pub(crate) fn broken_rules(record: &Record) -> Vec<String> {
    let mut broken = Vec::new();
    let call_histories = call_histories(record);
    if let Err(why) = only_doubts_are_doubled(record, &call_histories) {
        broken.push(format!("only messages in doubt run at two servers: {why}"));
    }
    for (call, call_history) in call_histories {
        let Some(step) = call_history.sent else {
            broken.push(format!("only what was sent runs: call {call}"));
            continue;
        };
        for (rule, keeps) in RULES {
            if let Err(why) = keeps(record, &call_history, call, step) {
                broken.push(format!("{rule}: call {call}: {why}\n{}", excerpt(record, call)));
            }
        }
    }
    broken
}

fn call_histories(record: &Record) -> BTreeMap<u64, CallHistory<'_>> {
    let mut call_histories: BTreeMap<u64, CallHistory<'_>> = BTreeMap::new();
    for (at, event) in record.events.iter().enumerate() {
        match &event.kind {
            EventKind::Sent { call, step } => {
                call_histories.entry(*call).or_default().sent = Some(*step);
            }
            EventKind::Began { call, server } => {
                let call_history = call_histories.entry(*call).or_default();
                call_history.began.push(at);
                call_history.servers.push(server);
            }
            EventKind::Finished { call, .. } => {
                call_histories.entry(*call).or_default().finished.push(at);
            }
            EventKind::Told { call, told, after } => {
                call_histories.entry(*call).or_default().told.push((at, told, *after));
            }
            EventKind::Fault(_) => {}
        }
    }
    call_histories
}

/// Returns the events of a call, and all faults.
fn excerpt(record: &Record, call: u64) -> String {
    let concerns = |what: &EventKind| match what {
        EventKind::Sent { call: it, .. }
        | EventKind::Began { call: it, .. }
        | EventKind::Finished { call: it, .. }
        | EventKind::Told { call: it, .. } => *it == call,
        EventKind::Fault(_) => true,
    };
    let events = record.events.iter().filter(|event| concerns(&event.kind));
    events.map(|event| format!("  {event}\n")).collect()
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> RuleResult {
    if holds { Ok(()) } else { Err(why()) }
}

fn ends_once(_: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    ensure(call_history.told.len() == 1, || format!("{} outcomes", call_history.told.len()))
}

fn ends_in_time(record: &Record, call_history: &CallHistory<'_>, _: u64, step: Step) -> RuleResult {
    let bound = step.timeout + LATENESS + record.timer_lag;
    let late = call_history.told.iter().find(|(_, _, after)| *after > bound);
    ensure(late.is_none(), || format!("{late:?}, which is after {bound:?}"))
}

fn is_told_the_truth(
    _: &Record,
    call_history: &CallHistory<'_>,
    call: u64,
    step: Step,
) -> RuleResult {
    let Some(&(when, told, after)) = call_history.told.first() else { return Ok(()) };
    let finished = || call_history.finished.iter().any(|finished| *finished < when);
    let holds = match told {
        Ok(None) => step.is_cast,
        Ok(Some(value)) => !step.is_cast && *value == call && finished(),
        Err(CallError::Timeout(error)) => {
            error.phase() != TimeoutPhase::Monitor && after >= step.timeout
        }
        Err(CallError::Transport(error)) => matches!(
            error.kind(),
            TransportErrorKind::MissingServer
                | TransportErrorKind::Unavailable
                | TransportErrorKind::Overloaded
                | TransportErrorKind::Interrupted
        ),
        Err(_) => false,
    };
    ensure(holds, || format!("{told:?} after {after:?}"))
}

fn knows_whether_it_ran(_: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    let Some(&(when, Err(error), _)) = call_history.told.first() else { return Ok(()) };
    match error.ran() {
        // Neither before the caller got the error nor after it.
        Ran::No => ensure(call_history.began.is_empty(), || format!("it ran, but: {error}")),
        Ran::Yes => ensure(call_history.began.iter().any(|began| *began < when), || {
            format!("it did not run, but: {error}")
        }),
        Ran::Unknown => Ok(()),
    }
}

fn may_be_sent_again(_: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    let Some((_, Err(error), _)) = call_history.told.first() else { return Ok(()) };
    ensure(!error.may_retry() || error.ran() == Ran::No, || error.to_string())
}

/// Checks that no server begins a method twice; and, with acknowledgement after the reply, that a confirmed cast runs.
fn runs_as_allowed(record: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    let servers = &call_history.servers;
    let twice = servers.iter().find(|name| servers.iter().filter(|it| it == name).count() > 1);
    ensure(twice.is_none(), || format!("it ran more than once at one server: {servers:?}"))?;
    let confirmed = matches!(call_history.told.first(), Some((_, Ok(None), _)));
    let lost =
        record.acknowledge == AckMode::AfterReply && confirmed && call_history.finished.is_empty();
    ensure(!lost, || "it was confirmed, and never ran".to_owned())
}

/// Checks that only messages in doubt ran at two servers, where messages are acknowledged first.
fn only_doubts_are_doubled(
    record: &Record,
    call_histories: &BTreeMap<u64, CallHistory<'_>>,
) -> RuleResult {
    let doubled = call_histories.values().filter(|it| it.began.len() > 1).count() as u64;
    let allowed = record.acknowledge == AckMode::AfterReply || doubled <= record.in_doubt;
    ensure(allowed, || format!("{doubled} ran twice, {} were in doubt", record.in_doubt))
}
