//! Things that go wrong on purpose.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_immediate;
use rpc_core::pending_calls::{PendingReply, ReplyEvent};
use rpc_core::transport::{Delivery, Transport};
use rpc_core::{Codec, Payload};
use rpc_transport_mem::{Fault, FaultEvent, Faults, MemTransport};
use support::{Bench, any, call, event, id, text};
use tokio::time::Instant;

fn faulty(faults: Faults) -> Bench {
    Bench::over(MemTransport::builder().faults(faults).build())
}

fn always(fault: Fault) -> Bench {
    faulty(Faults::seeded(1).chance(fault, 1.0))
}

fn once(fault: Fault) -> Bench {
    faulty(Faults::seeded(1).chance(fault, 1.0).at_most(fault, 1))
}

fn count(bench: &Bench, fault: Fault) -> u64 {
    bench.transport.faults().unwrap().count(fault)
}

fn done() -> Payload {
    Payload::new(Codec::MessagePack, text("done"))
}

async fn expires(mut replies: PendingReply) {
    let begun = Instant::now();
    assert!(matches!(event(&mut replies).await, ReplyEvent::Expired));
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_looks_sent_and_expires() {
    let bench = always(Fault::DropRequest);
    let mut listener = bench.listen("bank", "one").await;
    let sent = bench.call("bank").unwrap();
    sent.publish.await.unwrap();
    assert!(listener.poll().await.is_none());
    expires(sent.reply.unwrap()).await;
    bench.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reply_is_known_to_nobody() {
    let bench = always(Fault::DropReply);
    let mut listener = bench.listen("bank", "one").await;
    let replies = bench.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.reply(Ok(done())).await.unwrap();
    expires(replies).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_reply_is_known_to_the_server_only() {
    let bench = always(Fault::FailReply);
    let mut listener = bench.listen("bank", "one").await;
    let replies = bench.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.reply(Ok(done())).await.unwrap_err();
    expires(replies).await;
}

#[tokio::test]
async fn a_message_whose_acknowledgement_failed_comes_again() {
    let bench = once(Fault::FailAcknowledge);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap_err();
    drop(delivery);
    let mut again = listener.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
    again.ack().await.unwrap();
    bench.assert_idle();
    assert_eq!(count(&bench, Fault::FailAcknowledge), 1);
}

#[tokio::test]
async fn a_duplicate_has_the_same_id_and_no_mark() {
    let bench = once(Fault::Duplicate);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    bench.put(id(2), &any("bank")).await;
    for number in [1, 1, 2] {
        let mut delivery = listener.next().await;
        assert_eq!((delivery.request().id, delivery.redelivered()), (id(number), false));
        delivery.ack().await.unwrap();
    }
    bench.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_overtaken() {
    let longest = Duration::from_secs(3);
    let faults = Faults::seeded(1).chance(Fault::Delay, 1.0).at_most(Fault::Delay, 1);
    let bench = faulty(faults.longest_delay(longest));
    let mut listener = bench.listen("bank", "one").await;
    let begun = Instant::now();
    let late = tokio::spawn(bench.cast(id(1), "bank").unwrap().publish);
    bench.put(id(2), &any("bank")).await;
    assert_eq!(listener.take().await, id(2));
    late.await.unwrap().unwrap();
    assert!(
        begun.elapsed() > Duration::ZERO && begun.elapsed() <= longest + Duration::from_millis(1)
    );
    assert_eq!(listener.take().await, id(1));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_that_its_sender_gives_up_is_never_sent() {
    let bench = always(Fault::Delay);
    let mut listener = bench.listen("bank", "one").await;
    let mut hand_over = bench.cast(id(1), "bank").unwrap().publish;
    assert!(poll_immediate(&mut hand_over).await.is_none());
    drop(hand_over);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(listener.poll().await.is_none());
}

#[tokio::test]
async fn reordered_messages_all_arrive() {
    let bench = always(Fault::Reorder);
    let mut listener = bench.listen("bank", "one").await;
    let sent: Vec<_> = (0..20).map(id).collect();
    for id in &sent {
        bench.put(*id, &any("bank")).await;
    }
    let mut taken = Vec::new();
    for _ in &sent {
        taken.push(listener.take().await);
    }
    assert_ne!(taken, sent);
    taken.sort();
    assert_eq!(taken, sent);
}

#[tokio::test]
async fn a_crashed_listener_loses_what_it_held_to_the_others() {
    let bench = faulty(Faults::seeded(3).chance(Fault::CrashListener, 0.5));
    let mut dying = bench.listen("bank", "dying").await;
    let mut held: Vec<Box<dyn Delivery>> = Vec::new();
    let mut sent = 0;
    loop {
        bench.put(id(sent), &any("bank")).await;
        sent += 1;
        match dying.try_next().await {
            Some(delivery) => held.push(delivery),
            None => break,
        }
    }
    assert!(!held.is_empty(), "choose another seed: it died at once");
    assert_eq!(bench.transport.listeners(), 0);
    bench.transport.faults().unwrap().heal();
    for delivery in &mut held {
        let error = delivery.ack().await.unwrap_err();
        assert!(error.to_string().contains("crashed"), "{error}");
    }
    drop(held);

    let mut heir = bench.listen("bank", "heir").await;
    let mut taken = Vec::new();
    for _ in 0..sent {
        let mut delivery = heir.next().await;
        assert!(delivery.redelivered());
        delivery.ack().await.unwrap();
        taken.push(delivery.request().id);
    }
    taken.sort();
    assert_eq!(taken, (0..sent).map(id).collect::<Vec<_>>());
    bench.assert_idle();
}

#[tokio::test]
async fn a_restart_comes_between_a_delivery_and_its_acknowledgement() {
    let bench = faulty(Faults::seeded(1).chance(Fault::Restart, 1.0));
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    bench.put(id(2), &any("bank")).await;
    delivery.ack().await.unwrap_err();
    assert_eq!(count(&bench, Fault::Restart), 2);
}

#[tokio::test]
async fn a_healed_broker_deals_no_more_faults() {
    let bench = always(Fault::DropRequest);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    bench.transport.faults().unwrap().heal();
    bench.put(id(2), &any("bank")).await;
    assert_eq!(listener.take().await, id(2));
    assert_eq!(count(&bench, Fault::DropRequest), 1);
}

/// A hundred calls through a broker in which everything goes wrong; what went wrong.
async fn troubled(seed: u64) -> Vec<FaultEvent> {
    let faults = Fault::ALL.iter().copied().filter(|fault| *fault != Fault::CrashListener);
    let faults = faults.fold(Faults::seeded(seed), |faults, fault| faults.chance(fault, 0.2));
    let bench = faulty(faults);
    let mut listener = bench.listen("bank", "one").await;
    for number in 0..100 {
        let request = Arc::new(call(id(number), Duration::from_secs(60)));
        let sent = bench.transport.send(&any("bank"), request).unwrap();
        sent.publish.await.unwrap();
        while let Some(mut delivery) = listener.poll().await {
            if delivery.ack().await.is_ok() {
                drop(delivery.reply(Ok(done())).await);
            }
        }
    }
    bench.transport.faults().unwrap().events()
}

#[tokio::test(start_paused = true)]
async fn the_seed_alone_decides_what_goes_wrong() {
    let seven = troubled(7).await;
    assert_eq!(seven, troubled(7).await);
    assert_ne!(seven, troubled(8).await);
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::CrashListener) {
        assert!(seven.iter().any(|event| event.fault == fault), "{fault:?} never happened");
    }
}

#[test]
fn a_log_says_how_to_run_it_again() {
    let faults = Faults::seeded(42).chance(Fault::Delay, 0.5).longest_delay(Duration::from_secs(2));
    let transport = MemTransport::builder().faults(faults).build();
    let log = transport.faults().unwrap();
    assert_eq!(log.to_string(), "seed 42, Delay 0.5 up to 2s");
    assert!(format!("{log:?}").contains("seed: 42"));
    assert!(MemTransport::new().faults().is_none());
}
