//! The rules that every run keeps, whatever goes wrong in it.

use std::time::Duration;

use rpc_core::CallError;
use rpc_core::error::{Ran, TimeoutPhase, TransportErrorKind};

use crate::call_history::CallHistory;
use crate::history::{EventKind, Record, Step};

/// How late a call may end, besides the measured timer lag.
const LATENESS: Duration = Duration::from_millis(50);

type RuleResult = Result<(), String>;
type Rule = (&'static str, fn(&Record, &CallHistory<'_>, u64, Step) -> RuleResult);

const RULES: &[Rule] = &[
    ("every call ends in one outcome", ends_once),
    ("every call ends by its deadline", ends_in_time),
    ("a caller is told what its method did", is_told_the_truth),
    ("an error knows whether the method ran", knows_whether_it_ran),
    ("only what did not run may be sent again", may_be_sent_again),
    ("a server begins a message once", begins_once_at_a_server),
    ("only messages in doubt run at two servers", is_doubled_only_in_doubt),
    ("what the broker took runs", is_not_lost),
    ("a call gets its result", gets_its_result),
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
    let call_histories = CallHistory::all(record);
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

/// Returns the events of a call, and all faults.
fn excerpt(record: &Record, call: u64) -> String {
    let concerns = |what: &EventKind| match what {
        EventKind::Sent { call: it, .. }
        | EventKind::Began { call: it, .. }
        | EventKind::Finished { call: it, .. }
        | EventKind::Told { call: it, .. }
        | EventKind::Dropped { call: it } => *it == call,
        EventKind::Fault(_) => true,
    };
    let events = record.events.iter().filter(|event| concerns(&event.kind));
    events.map(|event| format!("  {event}\n")).collect()
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> RuleResult {
    if holds { Ok(()) } else { Err(why()) }
}

fn ends_once(_: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    let outcomes = call_history.told.len() + usize::from(call_history.dropped);
    ensure(outcomes == 1, || format!("{outcomes} outcomes"))
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
        Ok(None) => !step.is_call(),
        Ok(Some(value)) => step.is_call() && *value == call && finished(),
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

pub(crate) fn knows_whether_it_ran(
    _: &Record,
    call_history: &CallHistory<'_>,
    _: u64,
    _: Step,
) -> RuleResult {
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

fn begins_once_at_a_server(
    _: &Record,
    call_history: &CallHistory<'_>,
    _: u64,
    _: Step,
) -> RuleResult {
    let servers = &call_history.servers;
    let twice = servers.iter().find(|name| servers.iter().filter(|it| it == name).count() > 1);
    ensure(twice.is_none(), || format!("it began more than once at a server: {servers:?}"))
}

fn is_doubled_only_in_doubt(
    record: &Record,
    call_history: &CallHistory<'_>,
    _: u64,
    step: Step,
) -> RuleResult {
    let doubled = call_history.is_doubled(record, step) && !call_history.is_in_doubt(record);
    ensure(record.promise.may_double || !doubled, || {
        format!("not in doubt, and began at {:?}", call_history.servers)
    })
}

fn is_not_lost(record: &Record, call_history: &CallHistory<'_>, _: u64, step: Step) -> RuleResult {
    let lost = call_history.is_lost(record, step);
    ensure(record.promise.may_lose || !lost, || {
        format!("the broker took it, and it began at {:?}", call_history.servers)
    })
}

fn gets_its_result(record: &Record, call_history: &CallHistory<'_>, _: u64, _: Step) -> RuleResult {
    let failed = call_history.told.iter().find(|(_, told, _)| told.is_err());
    ensure(record.promise.may_fail || failed.is_none(), || format!("{failed:?}"))
}
