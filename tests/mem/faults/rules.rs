//! The rules that every run keeps, whatever goes wrong in it.

use std::fmt::Debug;

use rpc_core::error::{Ran, RejectReason, TimeoutPhase, TransportErrorKind};
use rpc_core::server::{AckMode, ShutdownCause};
use rpc_core::{CallError, FailureKind};
use rpc_transport_mem::Fault;

use crate::call_history::{Attempt, CallHistory, Known, RunHistory, ServerHistory};
use crate::history::{Left, Record};
use crate::plan::{Kind, Method, Pace, Plan};
use crate::service::ServiceRejectExpected;

/// Returns the violations of rules: the rule, and what broke it.
pub(crate) fn broken_rules(plan: &Plan, record: &Record) -> Vec<String> {
    let run_history = RunHistory::of(plan, record);
    let mut broken = Vec::new();
    broken.extend(record.hangs.map(|what| format!("every run ends: {what}")));
    if record.hangs.is_none() && record.left != Left::default() {
        broken.push(format!("nothing is left behind: {:?}", record.left));
    }
    for call in &run_history.calls {
        for (rule, keeps) in CALL_RULES {
            if let Err(why) = keeps(&run_history, call) {
                let (step, runs, attempts) = (call.step, &call.runs, &call.attempts);
                broken.push(format!("{rule}: {why}\n  {step:?}\n  {runs:?}\n  {attempts:#?}"));
            }
        }
    }
    for (number, server) in &run_history.servers {
        if let Err(why) = counts_right(&run_history, *number, server) {
            broken.push(format!("a server counts what happens: server {number}: {why}"));
        }
    }
    broken
}

type RuleResult = Result<(), String>;
type Rule = (&'static str, fn(&RunHistory<'_>, &CallHistory<'_>) -> RuleResult);

const CALL_RULES: &[Rule] = &[
    ("every call ends in one outcome", ends_once),
    ("every call ends by its deadline", ends_in_time),
    ("no method begins after its caller's deadline", begins_in_time),
    ("a caller is told what its method did", is_told_the_truth),
    ("an error knows whether the method ran", knows_whether_it_ran),
    ("only what did not run may be sent again", may_be_sent_again),
    ("every delivery is acknowledged and answered as its server does it", is_served_in_order),
    ("a method runs only for a message that its server may run", runs_as_allowed),
    ("a call has no more answers than its message has copies", is_answered_once),
    ("no message vanishes by itself", does_not_vanish),
    ("what nothing disturbs succeeds", succeeds_undisturbed),
];

fn ensure(holds: bool, why: impl FnOnce() -> String) -> RuleResult {
    if holds { Ok(()) } else { Err(why()) }
}

fn equal<T: PartialEq + Debug>(what: &str, is: T, should_be: T) -> RuleResult {
    ensure(is == should_be, || format!("{what}: {is:?} instead of {should_be:?}"))
}

fn ends_once(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    if run_history.record.hangs.is_some() {
        return Ok(());
    }
    equal("outcomes", call.told.len() + call.dropped, 1)
}

fn ends_in_time(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let bound = run_history.plan.timeout(call.step) + run_history.plan.pace.lateness();
    let late = call.told.iter().find(|(_, _, after)| *after > bound);
    ensure(late.is_none(), || format!("{late:?}, which is after {bound:?}"))
}

/// Casts do not expire.
fn begins_in_time(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some(sent) = call.first_sent.filter(|_| call.step.kind == Kind::Call) else {
        return Ok(());
    };
    let at = |when: usize| run_history.record.events[when].at;
    let bound = at(sent) + run_history.plan.timeout(call.step);
    let on_time = |began| match run_history.plan.pace {
        Pace::Paused => began < bound,
        Pace::Real => began < bound + run_history.plan.pace.lateness(),
    };
    let late = call.runs.iter().map(|run| at(run.began)).find(|began| !on_time(*began));
    ensure(late.is_none(), || format!("began at {late:?}, the deadline was at {bound:?}"))
}

fn is_told_the_truth(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some(&(when, told, after)) = call.told.first() else { return Ok(()) };
    let (step, number) = (call.step, call.step.number);
    let finished = || call.runs.iter().any(|run| run.finished.is_some_and(|end| end < when));
    let ran_as = |method: bool| method && finished();
    let timeout = run_history.plan.timeout(step);
    let true_for = match told {
        Ok(None) => step.kind != Kind::Call,
        Ok(Some(value)) => {
            *value == number && ran_as(matches!(step.method, Method::Run | Method::Block))
        }
        Err(CallError::Expected(ServiceRejectExpected::Rejected(error))) => {
            error.call == number && ran_as(step.method == Method::Reject)
        }
        Err(CallError::Remote(error)) if error.is_panic() => ran_as(step.method == Method::Panic),
        Err(CallError::Remote(_)) => ran_as(step.method == Method::Fail),
        Err(CallError::Rejected(refused)) => {
            step.method == Method::Missing && *refused.reason() == RejectReason::UnknownMethod
        }
        Err(CallError::Timeout(error)) => match error.phase() {
            TimeoutPhase::Monitor => step.monitor.is_some_and(|period| after >= period),
            _ => after >= timeout,
        },
        Err(CallError::Transport(error)) => match error.kind() {
            TransportErrorKind::MissingServer | TransportErrorKind::Interrupted => true,
            TransportErrorKind::Closed => run_history.is_closed(),
            _ => false,
        },
        Err(_) => false,
    };
    ensure(true_for, || format!("{told:?} after {after:?}"))
}

fn knows_whether_it_ran(_: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some(&(when, Err(error), _)) = call.told.first() else { return Ok(()) };
    match error.ran() {
        // Neither before nor after.
        Ran::No => ensure(call.runs.is_empty(), || format!("it ran, but: {error}")),
        Ran::Yes => ensure(call.runs.iter().any(|run| run.began < when), || {
            format!("it did not run, but: {error}")
        }),
        Ran::Unknown => Ok(()),
    }
}

fn may_be_sent_again(_: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some((_, Err(error), _)) = call.told.first() else { return Ok(()) };
    ensure(!error.may_retry() || error.ran() == Ran::No, || error.to_string())
}

fn is_served_in_order(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    for attempt in &call.attempts {
        let kept = match (attempt.known, run_history.acknowledges(attempt)) {
            (Known::Yes, _) => is_dropped(attempt),
            (Known::Perhaps, _) if is_dropped(attempt).is_ok() => Ok(()),
            (_, AckMode::AfterReply) => is_served_after_reply(attempt),
            _ => is_served_before_invoke(run_history, attempt),
        };
        kept.and_then(|()| {
            ensure(attempt.left || run_history.record.hangs.is_some(), || "held".to_owned())
        })
        .map_err(|why| format!("{why}: {attempt:?}"))?;
    }
    Ok(())
}

fn is_dropped(attempt: &Attempt) -> RuleResult {
    equal("acknowledgements", attempt.acknowledged.len(), 1)?;
    equal("answers", attempt.answers.len(), 0)
}

fn is_served_before_invoke(run_history: &RunHistory<'_>, attempt: &Attempt) -> RuleResult {
    equal("acknowledgements", attempt.acknowledged.len(), 1)?;
    let owed = attempt.wants_reply && attempt.is_acknowledged() && attempt.left;
    let answers = attempt.answers.len();
    // Cut off while it waits for the confirmation, a server cannot know better than to say so.
    let doubt = run_history.plan.confirming.is_some() && !attempt.is_acknowledged();
    let only_doubts =
        attempt.answers.iter().all(|answer| answer.1 == Some(FailureKind::Interrupted));
    ensure(answers == usize::from(owed) || (doubt && answers == 1 && only_doubts), || {
        format!("{answers} answers instead of {}", u8::from(owed))
    })?;
    let acknowledged = attempt.acknowledged[0].0;
    let in_order = attempt.answers.iter().all(|(when, ..)| acknowledged < *when);
    ensure(in_order, || "answered before it was acknowledged".to_owned())
}

fn is_served_after_reply(attempt: &Attempt) -> RuleResult {
    let answered = attempt.answers.first().map(|(when, ..)| *when);
    ensure(attempt.answers.len() <= usize::from(attempt.wants_reply), || {
        "too many answers".to_owned()
    })?;
    ensure(attempt.acknowledged.len() <= 1, || "acknowledged twice".to_owned())?;
    let Some((acknowledged, _)) = attempt.acknowledged.first() else { return Ok(()) };
    let in_order = !attempt.wants_reply || answered.is_some_and(|at| at < *acknowledged);
    ensure(in_order, || "acknowledged before it was answered".to_owned())
}

fn runs_as_allowed(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    for run in &call.runs {
        let earlier = |other: &&crate::call_history::Run| {
            other.server == run.server && other.began <= run.began
        };
        let runs = call.runs.iter().filter(earlier).count();
        let allows = |attempt: &&Attempt| {
            let may = attempt.server == run.server && attempt.known != Known::Yes;
            let in_time = match run_history.acknowledges(attempt) {
                AckMode::AfterReply => attempt.number < run.began,
                _ => attempt.acknowledged.iter().any(|(when, ok)| *ok && *when < run.began),
            };
            may && in_time
        };
        let allowed = call.attempts.iter().filter(allows).count();
        ensure(runs <= allowed, || format!("run {runs} of {allowed}: {run:?}"))?;
    }
    if call.step.kind == Kind::Fanout {
        return Ok(());
    }
    let at_most_once = |run: &&crate::call_history::Run| {
        run_history.servers[&run.server].plan.acknowledge.is_before_invoke()
    };
    let runs = call.runs.iter().filter(at_most_once).count();
    ensure(runs <= call.copies(), || format!("{runs} runs of {} copies", call.copies()))
}

fn is_answered_once(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let at_most_once = |attempt: &&Attempt| run_history.acknowledges(attempt).is_before_invoke();
    let answers: usize = call.attempts.iter().filter(at_most_once).map(|v| v.answers.len()).sum();
    ensure(answers <= call.copies(), || format!("{answers} answers, {} copies", call.copies()))
}

fn does_not_vanish(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some((_, Ok(None), _)) = call.told.first() else { return Ok(()) };
    // The cast was published, so nobody can have cancelled it.
    if call.step.kind == Kind::Cast
        && !call.has_fault(Fault::DropRequest)
        && !run_history.is_closed()
    {
        ensure(!call.attempts.is_empty(), || "it was never delivered".to_owned())?;
    }
    if call.step.method == Method::Missing {
        return Ok(());
    }
    for (server, ServerHistory { report, .. }) in &run_history.servers {
        let runs = call.runs.iter().filter(|run| run.server == *server).count();
        let accepted = |attempt: &&Attempt| {
            attempt.server == *server && attempt.known == Known::No && attempt.is_acknowledged()
        };
        let accepted = call.attempts.iter().filter(accepted).count();
        // A cast that is acknowledged and then aborted before its method begins is lost: it runs at most once.
        let lost = report.map_or(0, |report| report.aborted);
        ensure(runs + lost >= accepted, || {
            format!("{runs} runs of {accepted} at server {server}")
        })?;
    }
    Ok(())
}

fn succeeds_undisturbed(run_history: &RunHistory<'_>, call: &CallHistory<'_>) -> RuleResult {
    let Some((_, told, _)) = call.told.first() else { return Ok(()) };
    let (plan, step) = (run_history.plan, call.step);
    let served = step.to.is_none_or(|name| plan.servers.iter().any(|server| server.name == name));
    let harmless = |fault: &Fault| matches!(fault, Fault::Reorder | Fault::Duplicate);
    let patient = step.timeout.is_none() && step.monitor.is_none();
    if !plan.is_calm || !served || !patient || !call.faults.iter().all(harmless) {
        return Ok(());
    }
    let succeeds = match told {
        Ok(_) => true,
        // A busy machine is slow.
        Err(CallError::Timeout(_)) if plan.pace == Pace::Real => true,
        Err(error) => error.ran() == Ran::Yes || matches!(error, CallError::Rejected(_)),
    };
    ensure(succeeds, || format!("{told:?}"))?;
    let reached = |server: usize| call.attempts.iter().any(|attempt| attempt.server == server);
    let all = step.kind != Kind::Fanout || (0..plan.servers.len()).all(reached);
    ensure(all, || "it did not reach all servers".to_owned())
}

fn counts_right(
    run_history: &RunHistory<'_>,
    number: usize,
    server: &ServerHistory<'_>,
) -> RuleResult {
    let Some(stats) = server.stats else { return Ok(()) };
    let attempts =
        || run_history.calls.iter().flat_map(|call| &call.attempts).filter(|v| v.server == number);
    let count = |is: &dyn Fn(&&Attempt) -> bool| attempts().filter(is).count() as u64;
    let finished = |method: Method| {
        let calls = run_history.calls.iter().filter(|call| call.step.method == method);
        let runs = calls.flat_map(|call| &call.runs);
        runs.filter(|run| run.server == number && run.finished.is_some()).count() as u64
    };
    let answered = |kind: FailureKind| {
        attempts()
            .flat_map(|attempt| &attempt.answers)
            .filter(|answer| answer.1 == Some(kind))
            .count() as u64
    };
    // That of a message that is dropped anyway is not counted.
    let failed = |known| {
        count(&|attempt| attempt.known == known && attempt.acknowledged.iter().any(|(_, ok)| !ok))
    };
    let unanswered =
        attempts().flat_map(|attempt| &attempt.answers).filter(|answer| !answer.2).count();
    let perhaps = |redelivered| {
        count(&|attempt| attempt.known == Known::Perhaps && attempt.redelivered == redelivered)
    };
    let exactly = |known, redelivered| {
        count(&|attempt| attempt.known == known && attempt.redelivered == redelivered)
    };
    let between = |what: &str, counted: u64, known, redelivered| {
        let least = exactly(known, redelivered);
        let most = least + perhaps(redelivered);
        ensure((least..=most).contains(&counted), || {
            format!("{what}: {counted} of {least} to {most}")
        })
    };
    equal("in flight", stats.in_flight, 0)?;
    equal("received", stats.received, count(&|_| true))?;
    // Cut off before something was confirmed, a server does not count it.
    let seen = |what: &str, count: u64, happened: u64| {
        let unconfirmed = run_history.plan.confirming.is_some() && count <= happened;
        ensure(count == happened || unconfirmed, || format!("{what}: {count} of {happened}"))
    };
    let most = failed(Known::No) + failed(Known::Perhaps);
    ensure(stats.failed_acks <= most, || {
        format!("failed acknowledgements: {} of at most {most}", stats.failed_acks)
    })?;
    let certain = stats.failed_acks.min(failed(Known::No));
    seen("failed acknowledgements", certain, failed(Known::No))?;
    seen("failed replies", stats.failed_replies, unanswered as u64)?;
    between("duplicates", stats.duplicates, Known::Yes, false)?;
    between("redelivered", stats.redelivered, Known::No, true)?;
    between("already begun", stats.already_begun, Known::Yes, true)?;
    equal("in doubt", stats.in_doubt, 0)?;
    // The others with this answer may have run at another server: only the server knows which of the two it was.
    let aborted = run_history.calls.iter().filter(|call| call.copies() == 1);
    let aborted = aborted.flat_map(|call| &call.attempts).filter(|attempt| {
        let interrupted = attempt.answers.iter().any(|a| a.1 == Some(FailureKind::Interrupted));
        attempt.server == number && !attempt.redelivered && interrupted
    });
    let (least, most) = (aborted.count() as u64, answered(FailureKind::Interrupted));
    ensure((least..=most).contains(&stats.interrupted), || {
        format!("interrupted: {} of {least} to {most}", stats.interrupted)
    })?;
    equal("panics", stats.panics, finished(Method::Panic))?;
    equal("errors", stats.errors, finished(Method::Fail))?;
    equal("expected errors", stats.expected_errors, finished(Method::Reject))?;
    ensure(stats.rejected >= answered(FailureKind::UnknownMethod), || "refused".to_owned())?;
    ensure(stats.expired >= answered(FailureKind::Expired), || "expired".to_owned())?;
    let Some(report) = server.report else { return Err("it has no report".to_owned()) };
    let stopped = report.cause == ShutdownCause::Stopped;
    ensure(server.asked_to_stop || !stopped, || "it stopped by itself".to_owned())?;
    let runs = run_history.calls.iter().flat_map(|call| &call.runs);
    let methods = runs.filter(|run| run.server == number && run.aborted).count();
    let aborted = report.aborted;
    ensure(methods <= aborted && stats.interrupted <= aborted as u64, || {
        format!("{methods} methods and {} calls were aborted: {report:?}", stats.interrupted)
    })
}
