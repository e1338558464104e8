//! Injected faults.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_immediate;
use rpc_core::pending_calls::{PendingReply, ReplyEvent};
use rpc_core::transport::{Delivery, Transport};
use rpc_core::{Codec, Payload};
use rpc_transport_mem::{Fault, FaultEvent, FaultPlan, MemTransport};
use support::{TestBroker, any, call, event, id, text};
use tokio::time::Instant;

fn with_faults(faults: FaultPlan) -> TestBroker {
    TestBroker::over(MemTransport::builder().faults(faults).build())
}

fn always(fault: Fault) -> TestBroker {
    with_faults(FaultPlan::with_seed(1).probability(fault, 1.0))
}

fn once(fault: Fault) -> TestBroker {
    with_faults(FaultPlan::with_seed(1).probability(fault, 1.0).limit(fault, 1))
}

fn count(broker: &TestBroker, fault: Fault) -> u64 {
    broker.transport.fault_log().unwrap().count(fault)
}

fn done() -> Payload {
    Payload::new(Codec::MessagePack, text("done"))
}

async fn times_out(mut reply: PendingReply) {
    let started = Instant::now();
    assert!(matches!(event(&mut reply).await, ReplyEvent::Expired));
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_looks_sent_and_times_out() {
    let broker = always(Fault::DropRequest);
    let mut listener = broker.listen("bank", "one").await;
    let sent = broker.call("bank").unwrap();
    sent.publish.await.unwrap();
    assert!(listener.poll_once().await.is_none());
    times_out(sent.reply.unwrap()).await;
    broker.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reply_is_an_error_for_neither_side() {
    let broker = always(Fault::DropReply);
    let mut listener = broker.listen("bank", "one").await;
    let reply = broker.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.reply(Ok(done())).await.unwrap();
    times_out(reply).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_reply_is_an_error_for_the_server_only() {
    let broker = always(Fault::FailReply);
    let mut listener = broker.listen("bank", "one").await;
    let reply = broker.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.reply(Ok(done())).await.unwrap_err();
    times_out(reply).await;
}

#[tokio::test]
async fn a_message_whose_acknowledgement_failed_is_redelivered() {
    let broker = once(Fault::FailAck);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap_err();
    drop(delivery);
    let mut again = listener.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
    again.ack().await.unwrap();
    broker.assert_idle();
    assert_eq!(count(&broker, Fault::FailAck), 1);
}

#[tokio::test]
async fn a_duplicate_has_the_same_id_and_is_not_marked_as_redelivered() {
    let broker = once(Fault::Duplicate);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    broker.publish(id(2), &any("bank")).await;
    for number in [1, 1, 2] {
        let mut delivery = listener.next().await;
        assert_eq!((delivery.request().id, delivery.redelivered()), (id(number), false));
        delivery.ack().await.unwrap();
    }
    broker.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_overtaken() {
    let longest = Duration::from_secs(3);
    let faults = FaultPlan::with_seed(1).probability(Fault::Delay, 1.0).limit(Fault::Delay, 1);
    let broker = with_faults(faults.max_delay(longest));
    let mut listener = broker.listen("bank", "one").await;
    let started = Instant::now();
    let late = tokio::spawn(broker.cast(id(1), "bank").unwrap().publish);
    broker.publish(id(2), &any("bank")).await;
    assert_eq!(listener.ack_next().await, id(2));
    late.await.unwrap().unwrap();
    assert!(
        started.elapsed() > Duration::ZERO
            && started.elapsed() <= longest + Duration::from_millis(1)
    );
    assert_eq!(listener.ack_next().await, id(1));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_whose_sender_is_dropped_is_never_sent() {
    let broker = always(Fault::Delay);
    let mut listener = broker.listen("bank", "one").await;
    let mut publish = broker.cast(id(1), "bank").unwrap().publish;
    assert!(poll_immediate(&mut publish).await.is_none());
    drop(publish);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(listener.poll_once().await.is_none());
}

#[tokio::test]
async fn reordered_messages_all_arrive() {
    let broker = always(Fault::Reorder);
    let mut listener = broker.listen("bank", "one").await;
    let sent: Vec<_> = (0..20).map(id).collect();
    for id in &sent {
        broker.publish(*id, &any("bank")).await;
    }
    let mut taken = Vec::new();
    for _ in &sent {
        taken.push(listener.ack_next().await);
    }
    assert_ne!(taken, sent);
    taken.sort();
    assert_eq!(taken, sent);
}

#[tokio::test]
async fn deliveries_of_a_crashed_listener_are_redelivered_to_others() {
    let broker = with_faults(FaultPlan::with_seed(3).probability(Fault::CrashListener, 0.5));
    let mut crashing = broker.listen("bank", "crashing").await;
    let mut held: Vec<Box<dyn Delivery>> = Vec::new();
    let mut sent = 0;
    loop {
        broker.publish(id(sent), &any("bank")).await;
        sent += 1;
        match crashing.try_next().await {
            Some(delivery) => held.push(delivery),
            None => break,
        }
    }
    assert!(!held.is_empty(), "choose another seed: the listener crashed at once");
    assert_eq!(broker.transport.listeners(), 0);
    broker.transport.fault_log().unwrap().disable();
    for delivery in &mut held {
        let error = delivery.ack().await.unwrap_err();
        assert!(error.to_string().contains("crashed"), "{error}");
    }
    drop(held);

    let mut next = broker.listen("bank", "next").await;
    let mut taken = Vec::new();
    for _ in 0..sent {
        let mut delivery = next.next().await;
        assert!(delivery.redelivered());
        delivery.ack().await.unwrap();
        taken.push(delivery.request().id);
    }
    taken.sort();
    assert_eq!(taken, (0..sent).map(id).collect::<Vec<_>>());
    broker.assert_idle();
}

#[tokio::test]
async fn a_restart_comes_between_a_delivery_and_its_acknowledgement() {
    let broker = with_faults(FaultPlan::with_seed(1).probability(Fault::Restart, 1.0));
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    broker.publish(id(2), &any("bank")).await;
    delivery.ack().await.unwrap_err();
    assert_eq!(count(&broker, Fault::Restart), 2);
}

#[tokio::test]
async fn a_disabled_log_injects_no_more_faults() {
    let broker = always(Fault::DropRequest);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    broker.transport.fault_log().unwrap().disable();
    broker.publish(id(2), &any("bank")).await;
    assert_eq!(listener.ack_next().await, id(2));
    assert_eq!(count(&broker, Fault::DropRequest), 1);
}

/// Sends a hundred calls through a broker with every fault but one. Returns the injected faults.
async fn run_with_faults(seed: u64) -> Vec<FaultEvent> {
    let faults = Fault::ALL.iter().copied().filter(|fault| *fault != Fault::CrashListener);
    let faults =
        faults.fold(FaultPlan::with_seed(seed), |faults, fault| faults.probability(fault, 0.2));
    let broker = with_faults(faults);
    let mut listener = broker.listen("bank", "one").await;
    for number in 0..100 {
        let request = Arc::new(call(id(number), Duration::from_secs(60)));
        let sent = broker.transport.send(&any("bank"), request).unwrap();
        sent.publish.await.unwrap();
        while let Some(mut delivery) = listener.poll_once().await {
            if delivery.ack().await.is_ok() {
                drop(delivery.reply(Ok(done())).await);
            }
        }
    }
    broker.transport.fault_log().unwrap().events()
}

#[tokio::test(start_paused = true)]
async fn the_seed_alone_decides_which_faults_are_injected() {
    let seven = run_with_faults(7).await;
    assert_eq!(seven, run_with_faults(7).await);
    assert_ne!(seven, run_with_faults(8).await);
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::CrashListener) {
        assert!(seven.iter().any(|event| event.fault == fault), "{fault:?} never happened");
    }
}

#[test]
fn a_log_prints_how_to_repeat_the_run() {
    let faults =
        FaultPlan::with_seed(42).probability(Fault::Delay, 0.5).max_delay(Duration::from_secs(2));
    let transport = MemTransport::builder().faults(faults).build();
    let log = transport.fault_log().unwrap();
    assert_eq!(log.to_string(), "seed 42, Delay 0.5 up to 2s");
    assert!(format!("{log:?}").contains("seed: 42"));
    assert!(MemTransport::new().fault_log().is_none());
}
