//! The table as a transport and a caller see it together.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{CallKey, PendingCalls, ReplyEvent};
use crate::codec::{Codec, Payload};
use crate::message::{MessageId, Request};

fn request(timeout: Duration) -> Arc<Request> {
    let mut request =
        Request::new(MessageId::from_bits(1), "echo", Payload::new(Codec::MessagePack, vec![0x80]));
    request.deadline = Some(Instant::now() + timeout);
    request.wants_reply = true;
    Arc::new(request)
}

fn monitored(timeout: Duration, monitor: Duration) -> Arc<Request> {
    let mut request = Arc::into_inner(request(timeout)).unwrap();
    request.monitor = Some(monitor);
    Arc::new(request)
}

fn answer(byte: u8) -> Payload {
    Payload::new(Codec::MessagePack, vec![byte])
}

async fn next(reply: &mut super::PendingReply) -> ReplyEvent {
    poll_fn(|cx| reply.poll(cx)).await
}

const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn the_first_outcome_completes_the_call_and_the_second_is_discarded() {
    let pending_calls = PendingCalls::new();
    let (key, mut reply) = pending_calls.register(&request(LATE));
    assert!(pending_calls.complete(key, Ok(answer(1))));
    assert!(!pending_calls.complete(key, Ok(answer(2))));
    assert!(
        matches!(next(&mut reply).await, ReplyEvent::Outcome(Ok(payload)) if payload == answer(1))
    );
    assert!(pending_calls.is_empty());
}

/// A process that was started again may read the replies to calls of the one before.
#[tokio::test(start_paused = true)]
async fn another_table_does_not_know_the_keys_of_this_one() {
    let (pending_calls, another) = (PendingCalls::new(), PendingCalls::new());
    let (first, _reply) = pending_calls.register(&request(LATE));
    let (second, _other_reply) = another.register(&request(LATE));
    assert_ne!(first, second);
    assert!(!another.is_waiting(first) && !another.complete(first, Ok(answer(1))));
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_does_not_reach_the_next_call_in_the_same_entry() {
    let pending_calls = PendingCalls::new();
    let (first, reply) = pending_calls.register(&request(LATE));
    drop(reply);
    // The first of these calls reuses the entry.
    let open: Vec<_> = (0..16).map(|_| pending_calls.register(&request(LATE))).collect();
    assert!(!pending_calls.complete(first, Ok(answer(1))));
    for (key, mut reply) in open {
        assert!(pending_calls.complete(key, Ok(answer(2))));
        let event = next(&mut reply).await;
        assert!(matches!(event, ReplyEvent::Outcome(Ok(payload)) if payload == answer(2)));
    }
}

/// A peer that was sent one key may send replies with others.
#[tokio::test(start_paused = true)]
async fn a_key_tells_nothing_of_the_next_one() {
    let pending_calls = PendingCalls::new();
    let mut steps = HashSet::new();
    let mut last = 0;
    for _ in 0..64 {
        let (key, _reply) = pending_calls.register(&request(LATE));
        let generation = key.to_bits() as u64;
        assert!(steps.insert(generation.wrapping_sub(last)), "a step repeats");
        last = generation;
        for guess in 1..=64 {
            let guessed = CallKey::from_bits(key.to_bits() + guess);
            let _next = pending_calls.register(&request(LATE));
            assert!(!pending_calls.complete(guessed, Ok(answer(1))));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_after_a_later_one_is_met() {
    let pending_calls = PendingCalls::new();
    let (_late, mut slow) = pending_calls.register(&request(LATE));
    tokio::task::yield_now().await;
    let start = Instant::now();
    let (_soon, mut quick) = pending_calls.register(&request(SOON));
    assert!(matches!(next(&mut quick).await, ReplyEvent::Expired));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(matches!(next(&mut slow).await, ReplyEvent::Expired));
    assert!(start.elapsed() >= Duration::from_secs(59));
}

#[tokio::test(start_paused = true)]
async fn reports_of_a_running_method_restart_the_monitor_but_not_the_deadline() {
    let pending_calls = PendingCalls::new();
    let (key, mut reply) = pending_calls.register(&monitored(SOON * 5, SOON));
    let start = Instant::now();
    let server = pending_calls.clone();
    let reports = tokio::spawn(async move {
        while server.note_still_running(key) {
            tokio::time::sleep(SOON / 2).await;
        }
    });
    assert!(matches!(next(&mut reply).await, ReplyEvent::Expired));
    assert!(start.elapsed() >= SOON * 5);
    reports.await.unwrap();

    let (_key, mut reply) = pending_calls.register(&monitored(SOON * 5, SOON));
    let start = Instant::now();
    assert!(matches!(next(&mut reply).await, ReplyEvent::MonitorMissed));
    assert!(start.elapsed() < SOON * 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_can_be_sent_as_a_number_and_a_foreign_number_finds_no_call() {
    let pending_calls = PendingCalls::new();
    let (key, mut reply) = pending_calls.register(&request(LATE));
    assert_eq!(CallKey::from_bits(key.to_bits()), key);
    for foreign in [!0, !key.to_bits(), key.to_bits() + 1] {
        assert!(!pending_calls.complete(CallKey::from_bits(foreign), Ok(answer(2))), "{foreign:x}");
    }
    assert!(pending_calls.complete(CallKey::from_bits(key.to_bits()), Ok(answer(1))));
    assert!(matches!(next(&mut reply).await, ReplyEvent::Outcome(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_cancels_the_request_and_tells_the_transport() {
    let reported = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reported);
    let pending_calls = PendingCalls::on_drop(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let cancelled = request(LATE);
    drop(pending_calls.register(&cancelled));
    assert!(cancelled.is_cancelled());
    assert_eq!(reported.load(Ordering::Relaxed), 1);
    assert!(pending_calls.is_empty());

    let answered = request(LATE);
    let (key, mut reply) = pending_calls.register(&answered);
    pending_calls.complete(key, Ok(answer(1)));
    next(&mut reply).await;
    drop(reply);
    assert!(!answered.is_cancelled());
    assert_eq!(reported.load(Ordering::Relaxed), 1);
}

#[test]
fn deadlines_are_met_after_the_runtime_that_watched_them_has_gone() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let pending_calls = PendingCalls::new();
    let first = runtime();
    let mut reply = first.block_on(async {
        let (_key, reply) = pending_calls.register(&request(Duration::from_millis(50)));
        tokio::task::yield_now().await;
        reply
    });
    drop(first);
    // The second runtime is not the one that watched the deadline.
    let event = runtime().block_on(next(&mut reply));
    assert!(matches!(event, ReplyEvent::Expired));
}

#[test]
fn deadlines_are_met_while_the_runtime_of_an_earlier_call_is_not_driven() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let pending_calls = PendingCalls::new();
    let idle = runtime();
    let _open = idle.block_on(async { pending_calls.register(&request(LATE)) });
    let event = runtime().block_on(async {
        let (_key, mut reply) = pending_calls.register(&request(Duration::from_millis(50)));
        tokio::time::timeout(Duration::from_secs(5), next(&mut reply)).await
    });
    assert!(matches!(event, Ok(ReplyEvent::Expired)), "{event:?}");
}
