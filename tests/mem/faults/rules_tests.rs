//! Tests of the rules: histories with one violation each.

use std::time::Duration;

use rpc_core::server::{AckMode, Concurrency, ShutdownReport, Stats};
use rpc_core::{CallError, Context, FailureKind, MessageId, RpcClient, Target};
use rpc_transport_mem::{FaultPlan, MemTransport};

use crate::history::{Event, EventKind, History, Left, Record, Told};
use crate::plan::{Kind, Method, Pace, Plan, ServerPlan, Step};
use crate::rules::broken_rules;
use crate::service::{Service, ServiceClient};

fn plan(kind: Kind) -> Plan {
    let step = Step {
        number: 1,
        pause: Duration::ZERO,
        method: Method::Run,
        takes: Duration::ZERO,
        kind,
        timeout: Some(Duration::from_secs(1)),
        to: None,
        monitor: None,
        retries: 0,
        dropped_after: None,
    };
    let server = ServerPlan {
        name: "one",
        acknowledge: AckMode::default(),
        concurrency: Concurrency::Serial,
        shutdown_timeout: Duration::ZERO,
        respawns: false,
    };
    Plan {
        pace: Pace::Paused,
        is_calm: true,
        capacity: 1,
        faults: FaultPlan::with_seed(0),
        is_layered: false,
        confirming: None,
        servers: vec![server],
        actions: Vec::new(),
        callers: vec![vec![step]],
    }
}

/// Returns the events of one call that keeps all rules.
fn call() -> Vec<EventKind> {
    let (server, call, delivery) = (0, 1, 2);
    let id = MessageId::from_bits(1);
    vec![
        EventKind::Started { server, plan: ServerPlan::final_consumer("one") },
        EventKind::Sent { call, id },
        EventKind::Delivered { delivery, server, call, redelivered: false, wants_reply: true },
        EventKind::Acknowledged { delivery, ok: true },
        EventKind::Began { server, call },
        EventKind::Finished { server, call },
        EventKind::Answered { delivery, failure: None, ok: true },
        EventKind::Left { delivery },
        EventKind::Told { call, told: Ok(Some(1)), after: Duration::ZERO },
        EventKind::Stopping { server },
        EventKind::ServerEnded { server, report: ShutdownReport::default() },
    ]
}

fn record(happened: Vec<EventKind>) -> Record {
    let mut stats = Stats::default();
    stats.received =
        happened.iter().filter(|what| matches!(what, EventKind::Delivered { .. })).count() as u64;
    let event = |kind| Event { at: Duration::ZERO, kind };
    Record {
        events: happened.into_iter().map(event).collect(),
        faults: Vec::new(),
        stats: vec![Some(stats)],
        left: Left::default(),
        hangs: None,
    }
}

fn is(what: &EventKind, name: &str) -> bool {
    format!("{what:?}").starts_with(name)
}

/// Returns the history without the events of this name.
fn without(name: &str) -> Vec<EventKind> {
    call().into_iter().filter(|what| !is(what, name)).collect()
}

/// Returns the history with other events in place of the one with this name.
fn instead(name: &str, others: impl IntoIterator<Item = EventKind>) -> Vec<EventKind> {
    let mut happened = call();
    let place = happened.iter().position(|what| is(what, name)).unwrap();
    happened.splice(place..=place, others);
    happened
}

fn told(told: Told) -> Vec<EventKind> {
    instead("Told", [EventKind::Told { call: 1, told, after: Duration::from_millis(1) }])
}

#[track_caller]
fn assert_breaks(rule: &str, happened: Vec<EventKind>) {
    let broken = broken_rules(&plan(Kind::Call), &record(happened));
    assert!(broken.iter().any(|broken| broken.starts_with(rule)), "{rule}: {broken:#?}");
}

#[test]
fn a_sound_history_breaks_no_rule() {
    let broken = broken_rules(&plan(Kind::Call), &record(call()));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn outcomes_are_counted_timed_and_compared() {
    let rule = "every call ends in one outcome";
    assert_breaks(rule, without("Told"));
    let once = || EventKind::Told { call: 1, told: Ok(Some(1)), after: Duration::ZERO };
    assert_breaks(rule, instead("Told", [once(), once()]));
    assert_breaks(rule, instead("Told", [once(), EventKind::Dropped { call: 1 }]));

    let late = EventKind::Told { call: 1, told: Ok(Some(1)), after: Duration::from_millis(1002) };
    assert_breaks("every call ends by its deadline", instead("Told", [late]));

    let mut record = record(call());
    record.events[4].at = Duration::from_secs(1);
    let broken = broken_rules(&plan(Kind::Call), &record);
    assert!(broken[0].starts_with("no method begins after"), "{broken:#?}");

    let rule = "a caller is told what its method did";
    assert_breaks(rule, told(Ok(Some(2))));
    assert_breaks(rule, told(Ok(None)));
    assert_breaks(rule, without("Finished"));
}

#[tokio::test(start_paused = true)]
async fn errors_are_held_against_what_ran() {
    let client = RpcClient::new(MemTransport::new(), Target::topic("nobody"));
    let nobody = client.call::<u32>(&Context::new(), "run", &()).await.unwrap_err();
    let rule = "an error knows whether the method ran";
    assert_breaks(rule, told(Err(nobody.clone().widen())));
    // A caller is not told of a run that comes later, but the checker is.
    let mut later = told(Err(nobody.widen()));
    let early = later.remove(8);
    later.insert(2, early);
    assert_breaks(rule, later);

    let service = Service { server: 0, history: History::begin() };
    let failed = ServiceClient::in_process(service).fail(&Context::new(), 1, 0).await.unwrap_err();
    assert!(matches!(failed, CallError::Remote(_)));
    let mut unrun = told(Err(failed.widen()));
    unrun.retain(|what| !is(what, "Began") && !is(what, "Finished"));
    assert_breaks(rule, unrun);
}

#[test]
fn deliveries_are_followed_from_acknowledgement_to_reply() {
    let rule = "every delivery is acknowledged and answered as its server does it";
    let answer = || EventKind::Answered { delivery: 2, failure: None, ok: true };
    assert_breaks(rule, without("Answered"));
    assert_breaks(rule, instead("Answered", [answer(), answer()]));
    assert_breaks(rule, without("Acknowledged"));
    assert_breaks(
        rule,
        instead("Acknowledged", [EventKind::Acknowledged { delivery: 2, ok: false }]),
    );
    assert_breaks(rule, without("Left"));
}

#[test]
fn runs_are_held_against_deliveries() {
    let rule = "a method runs only for a message that its server may run";
    let began = || EventKind::Began { server: 0, call: 1 };
    assert_breaks(rule, instead("Began", [began(), began()]));
    let acknowledged = EventKind::Acknowledged { delivery: 2, ok: true };
    let mut early = without("Acknowledged");
    early.insert(5, acknowledged);
    assert_breaks(rule, early);
    // A message that comes back to the server that has begun it.
    let comes_back = [
        EventKind::Finished { server: 0, call: 1 },
        EventKind::Delivered {
            delivery: 3,
            server: 0,
            call: 1,
            redelivered: true,
            wants_reply: true,
        },
        EventKind::Acknowledged { delivery: 3, ok: true },
        began(),
    ];
    assert_breaks(rule, instead("Finished", comes_back));
    // The duplicate of a message that another server had.
    let twice = call().into_iter().map(|what| match what {
        EventKind::ServerEnded { .. } => began(),
        what => what,
    });
    assert_breaks(rule, twice.collect());
}

#[test]
fn casts_are_followed_until_they_run() {
    let cast = |happened: Vec<EventKind>| {
        let happened = happened.into_iter().filter(|what| !is(what, "Answered"));
        let happened = happened.map(|what| match what {
            EventKind::Told { call, after, .. } => EventKind::Told { call, told: Ok(None), after },
            EventKind::Delivered { delivery, server, call, redelivered, .. } => {
                EventKind::Delivered { delivery, server, call, redelivered, wants_reply: false }
            }
            what => what,
        });
        broken_rules(&plan(Kind::Cast), &record(happened.collect()))
    };
    assert!(cast(call()).is_empty(), "{:#?}", cast(call()));
    let mut unrun = without("Began");
    unrun.retain(|what| !is(what, "Finished"));
    let mut undelivered: Vec<_> = call().drain(..2).collect();
    undelivered.extend(call().drain(8..));
    for vanished in [unrun, undelivered] {
        let broken = cast(vanished);
        assert!(
            broken.iter().any(|broken| broken.starts_with("no message vanishes")),
            "{broken:#?}"
        );
    }
}

#[test]
fn what_is_left_and_what_is_counted_is_looked_at() {
    let breaks = |rule: &str, change: &dyn Fn(&mut Record)| {
        let mut record = record(call());
        change(&mut record);
        let broken = broken_rules(&plan(Kind::Call), &record);
        assert!(broken.iter().any(|broken| broken.starts_with(rule)), "{rule}: {broken:#?}");
    };
    breaks("every run ends", &|record| record.hangs = Some("it hangs"));
    breaks("nothing is left behind", &|record| record.left.pending_calls = 1);
    breaks("nothing is left behind", &|record| record.left.unacknowledged = 1);
    let rule = "a server counts what happens";
    let counters: &[fn(&mut Stats) -> &mut u64] = &[
        |stats| &mut stats.received,
        |stats| &mut stats.in_flight,
        |stats| &mut stats.expected_errors,
        |stats| &mut stats.errors,
        |stats| &mut stats.panics,
        |stats| &mut stats.duplicates,
        |stats| &mut stats.redelivered,
        |stats| &mut stats.already_begun,
        |stats| &mut stats.in_doubt,
        |stats| &mut stats.failed_acks,
        |stats| &mut stats.failed_replies,
        |stats| &mut stats.interrupted,
    ];
    for counter in counters {
        breaks(rule, &|record| *counter(record.stats[0].as_mut().unwrap()) += 1);
    }
    let answer = FailureKind::Expired;
    breaks(rule, &|record| {
        record.events[6].kind =
            EventKind::Answered { delivery: 2, failure: Some(answer), ok: true };
    });
}
