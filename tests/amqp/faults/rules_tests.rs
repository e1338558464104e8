//! Tests of the rules: histories with one violation each.

use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{RpcClient, Target};
use rpc_transport_mem::MemTransport;

use crate::history::{Event, EventKind, History, Record, Step, Told};
use crate::rules::broken_rules;

const TIMEOUT: Duration = Duration::from_secs(1);

fn record(happened: Vec<EventKind>) -> Record {
    let event = |kind| Event { at: Duration::ZERO, kind };
    let events = happened.into_iter().map(event).collect();
    let timer_lag = Duration::from_millis(10);
    Record { events, acknowledge: AckMode::Confirmed, in_doubt: 0, timer_lag }
}

fn sent() -> EventKind {
    EventKind::Sent { call: 1, step: Step::call(Duration::ZERO, TIMEOUT) }
}

const BEGAN: EventKind = EventKind::Began { call: 1, server: "one" };
const FINISHED: EventKind = EventKind::Finished { call: 1, server: "one" };

fn told_after(told: Told, millis: u64) -> EventKind {
    EventKind::Told { call: 1, told, after: Duration::from_millis(millis) }
}

fn told(told: Told) -> EventKind {
    told_after(told, 1)
}

#[track_caller]
fn assert_breaks(rule: &str, record: &Record) {
    let broken = broken_rules(record);
    assert!(broken.iter().any(|broken| broken.starts_with(rule)), "{rule}: {broken:#?}");
}

#[test]
fn a_sound_history_breaks_no_rule() {
    let broken =
        broken_rules(&record(vec![sent(), BEGAN, FINISHED, told_after(Ok(Some(1)), 1060)]));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn outcomes_are_counted_timed_and_compared() {
    let rule = "every call ends in one outcome";
    assert_breaks(rule, &record(vec![sent(), BEGAN, FINISHED]));
    let twice = vec![sent(), BEGAN, FINISHED, told(Ok(Some(1))), told(Ok(Some(1)))];
    assert_breaks(rule, &record(twice));
    let late = vec![sent(), BEGAN, FINISHED, told_after(Ok(Some(1)), 1061)];
    assert_breaks("every call ends by its deadline", &record(late));
    let rule = "a caller is told what its method did";
    assert_breaks(rule, &record(vec![sent(), BEGAN, FINISHED, told(Ok(Some(2)))]));
    assert_breaks(rule, &record(vec![sent(), BEGAN, told(Ok(Some(1))), FINISHED]));
    assert_breaks(rule, &record(vec![sent(), BEGAN, FINISHED, told(Ok(None))]));
    assert_breaks("only what was sent runs", &record(vec![BEGAN]));
}

#[tokio::test]
async fn errors_are_held_against_what_ran() {
    let client = RpcClient::new(MemTransport::new(), Target::topic("nobody"));
    let nobody = || async {
        let step = Step::call(Duration::ZERO, TIMEOUT);
        History::begin().take(&client, step).await
    };
    let rule = "an error knows whether the method ran";
    assert_breaks(rule, &record(vec![sent(), BEGAN, FINISHED, told(nobody().await)]));
    assert_breaks(rule, &record(vec![sent(), told(nobody().await), BEGAN]));
    let broken = broken_rules(&record(vec![sent(), told(nobody().await)]));
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn runs_are_counted() {
    let rule = "a method runs as often as its server may run it";
    assert_breaks(rule, &record(vec![sent(), BEGAN, BEGAN, FINISHED, told(Ok(Some(1)))]));
    let elsewhere = EventKind::Began { call: 1, server: "two" };
    let mut record = record(vec![sent(), BEGAN, elsewhere, FINISHED, told(Ok(Some(1)))]);
    assert_breaks("only messages in doubt run at two servers", &record);
    record.in_doubt = 1;
    assert_eq!(broken_rules(&record), Vec::<String>::new());
    record.in_doubt = 0;
    record.acknowledge = AckMode::AfterReply;
    assert_eq!(broken_rules(&record), Vec::<String>::new());

    let step = Step::cast(Duration::ZERO, TIMEOUT);
    record.events[0].kind = EventKind::Sent { call: 1, step };
    record.events.truncate(1);
    record.events.push(Event { at: Duration::ZERO, kind: told(Ok(None)) });
    assert_breaks(rule, &record);
}
