//! The rules that every run keeps, whatever goes wrong in it.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::CallError;
use rpc_core::error::{Ran, TimeoutPhase, TransportErrorKind};
use rpc_core::server::AckMode;

use crate::history::{Record, Step, Told, What};

/// How late a call may end, on a machine whose timers are never late.
const LATENESS: Duration = Duration::from_millis(50);

/// What became of one call; where its events stand is their order.
#[derive(Default)]
struct Tale<'a> {
    sent: Option<Step>,
    began: Vec<usize>,
    finished: Vec<usize>,
    told: Vec<(usize, &'a Told, Duration)>,
}

type Kept = Result<(), String>;
type Rule = (&'static str, fn(&Record, &Tale<'_>, u64, Step) -> Kept);

const RULES: &[Rule] = &[
    ("every call ends in one outcome", ends_once),
    ("every call ends by its deadline", ends_in_time),
    ("a caller is told what its method did", is_told_the_truth),
    ("an error knows whether the method ran", knows_whether_it_ran),
    ("only what did not run may be sent again", may_be_sent_again),
    ("a method runs as often as its server may run it", runs_as_allowed),
];

/// Fails where the run breaks a rule.
#[track_caller]
pub(crate) fn assert_kept(record: &Record) {
    println!("{}", record.summary());
    let broken = broken_rules(record);
    let shown = broken.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(broken.is_empty(), "{} times a rule is broken:\n{shown}", broken.len());
}

/// What breaks a rule: the rule, and what it met.
pub(crate) fn broken_rules(record: &Record) -> Vec<String> {
    let mut broken = Vec::new();
    for (call, tale) in tales(record) {
        let Some(step) = tale.sent else {
            broken.push(format!("only what was sent runs: call {call}"));
            continue;
        };
        for (rule, keeps) in RULES {
            if let Err(why) = keeps(record, &tale, call, step) {
                broken.push(format!("{rule}: call {call}: {why}\n{}", excerpt(record, call)));
            }
        }
    }
    broken
}

fn tales(record: &Record) -> BTreeMap<u64, Tale<'_>> {
    let mut tales: BTreeMap<u64, Tale<'_>> = BTreeMap::new();
    for (at, event) in record.events.iter().enumerate() {
        match &event.what {
            What::Sent { call, step } => tales.entry(*call).or_default().sent = Some(*step),
            What::Began { call, .. } => tales.entry(*call).or_default().began.push(at),
            What::Finished { call, .. } => tales.entry(*call).or_default().finished.push(at),
            What::Told { call, told, after } => {
                tales.entry(*call).or_default().told.push((at, told, *after));
            }
            What::Struck(_) => {}
        }
    }
    tales
}

/// The call's own events, and what befell others meanwhile.
fn excerpt(record: &Record, call: u64) -> String {
    let concerns = |what: &What| match what {
        What::Sent { call: it, .. }
        | What::Began { call: it, .. }
        | What::Finished { call: it, .. }
        | What::Told { call: it, .. } => *it == call,
        What::Struck(_) => true,
    };
    let events = record.events.iter().filter(|event| concerns(&event.what));
    events.map(|event| format!("  {event}\n")).collect()
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Kept {
    if holds { Ok(()) } else { Err(why()) }
}

fn ends_once(_: &Record, tale: &Tale<'_>, _: u64, _: Step) -> Kept {
    ensure(tale.told.len() == 1, || format!("{} outcomes", tale.told.len()))
}

fn ends_in_time(record: &Record, tale: &Tale<'_>, _: u64, step: Step) -> Kept {
    let bound = step.timeout + LATENESS + record.lag;
    let late = tale.told.iter().find(|(_, _, after)| *after > bound);
    ensure(late.is_none(), || format!("{late:?}, which is after {bound:?}"))
}

fn is_told_the_truth(_: &Record, tale: &Tale<'_>, call: u64, step: Step) -> Kept {
    let Some(&(when, told, after)) = tale.told.first() else { return Ok(()) };
    let finished = || tale.finished.iter().any(|finished| *finished < when);
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

fn knows_whether_it_ran(_: &Record, tale: &Tale<'_>, _: u64, _: Step) -> Kept {
    let Some(&(when, Err(error), _)) = tale.told.first() else { return Ok(()) };
    match error.ran() {
        // Neither before nor after.
        Ran::No => ensure(tale.began.is_empty(), || format!("it ran, but: {error}")),
        Ran::Yes => ensure(tale.began.iter().any(|began| *began < when), || {
            format!("it did not run, but: {error}")
        }),
        Ran::Unknown => Ok(()),
    }
}

fn may_be_sent_again(_: &Record, tale: &Tale<'_>, _: u64, _: Step) -> Kept {
    let Some((_, Err(error), _)) = tale.told.first() else { return Ok(()) };
    ensure(!error.may_retry() || error.ran() == Ran::No, || error.to_string())
}

/// At most once, or, where messages are acknowledged after their method, at least once: what the broker has confirmed.
fn runs_as_allowed(record: &Record, tale: &Tale<'_>, _: u64, _: Step) -> Kept {
    let (began, finished) = (tale.began.len(), tale.finished.len());
    match record.acknowledge {
        AckMode::AfterReply => {
            let confirmed = matches!(tale.told.first(), Some((_, Ok(None), _)));
            ensure(!confirmed || finished > 0, || "it was confirmed, and never ran".to_owned())
        }
        _ => ensure(began <= 1, || format!("it ran {began} times")),
    }
}
