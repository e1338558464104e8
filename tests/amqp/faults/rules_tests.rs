//! Tests of the rules: histories with one violation each.

use std::collections::BTreeSet;
use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_core::{MessageId, RpcClient, Target};
use rpc_transport_mem::MemTransport;

use crate::history::{Event, EventKind, History, Kind, Record, Step, Told};
use crate::promise::Promise;
use crate::rules::broken_rules;

const TIMEOUT: Duration = Duration::from_secs(1);

fn record(happened: Vec<EventKind>) -> Record {
    let event = |kind| Event { at: Duration::ZERO, kind };
    let events = happened.into_iter().map(event).collect();
    let timer_lag = Duration::from_millis(10);
    let record = Record::new(events, timer_lag);
    Record { steady: vec!["one"], in_doubt: BTreeSet::new(), ..record }
}

fn sent() -> EventKind {
    EventKind::Sent { call: 1, step: Step::call(Duration::ZERO, TIMEOUT) }
}

const ID: MessageId = MessageId::from_bits(1);
const BEGAN: EventKind = EventKind::Began { call: 1, server: "one", id: Some(ID) };
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
    let rule = "a server begins a message once";
    assert_breaks(rule, &record(vec![sent(), BEGAN, BEGAN, FINISHED, told(Ok(Some(1)))]));
    let elsewhere = EventKind::Began { call: 1, server: "two", id: Some(ID) };
    let mut record = record(vec![sent(), BEGAN, elsewhere, FINISHED, told(Ok(Some(1)))]);
    assert_breaks("only messages in doubt run at two servers", &record);
    record.in_doubt.insert(MessageId::from_bits(2).to_string());
    assert_breaks("only messages in doubt run at two servers", &record);
    record.in_doubt.insert(ID.to_string());
    assert_eq!(broken_rules(&record), Vec::<String>::new());
    record.in_doubt.clear();
    record.acknowledge = AckMode::AfterReply;
    assert_eq!(broken_rules(&record), Vec::<String>::new());
}

#[test]
fn what_the_broker_took_and_never_ran_is_found() {
    let rule = "what the broker took runs";
    let sent = |kind| EventKind::Sent {
        call: 1,
        step: Step { kind, ..Step::cast(Duration::ZERO, TIMEOUT) },
    };
    let confirmed = || told(Ok(None));
    assert_breaks(rule, &record(vec![sent(Kind::Cast), confirmed()]));
    let mut begun = record(vec![sent(Kind::Cast), confirmed(), BEGAN]);
    assert_eq!(broken_rules(&begun), Vec::<String>::new());
    begun.acknowledge = AckMode::AfterReply;
    assert_breaks(rule, &begun);

    let mut fanout = record(vec![sent(Kind::Fanout), confirmed(), BEGAN]);
    assert_eq!(broken_rules(&fanout), Vec::<String>::new());
    fanout.steady.push("two");
    assert_breaks(rule, &fanout);
    fanout.promise.may_lose = true;
    assert_eq!(broken_rules(&fanout), Vec::<String>::new());
}

#[tokio::test]
async fn a_graceful_stop_fails_no_call() {
    let client = RpcClient::new(MemTransport::new(), Target::topic("nobody"));
    let step = Step::call(Duration::ZERO, TIMEOUT);
    let mut record = record(vec![sent(), told(History::begin().take(&client, step).await)]);
    record.promise = Promise::GRACEFUL_STOP;
    assert_breaks("a call gets its result", &record);
}
