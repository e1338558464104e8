//! Brokers: private, shared by name, closed and restarted.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::pending_calls::ReplyEvent;
use rpc_core::transport::{ConnectionState, Listen, Transport, Transports};
use rpc_core::{Codec, Payload};
use rpc_transport_mem::MemTransport;
use support::{TestBroker, TestListener, any, cast, event, fanout, id, text};

async fn delivers(listening: &Arc<dyn Transport>, sending: &Arc<dyn Transport>) -> bool {
    let mut listener = TestListener(listening.listen(Listen::new("bank", "one")).await.unwrap());
    match sending.send(&any("bank"), Arc::new(cast(id(1)))) {
        Ok(_) => listener.ack_next().await == id(1),
        Err(error) => {
            assert_eq!(error.kind(), TransportErrorKind::MissingServer);
            false
        }
    }
}

#[tokio::test]
async fn brokers_of_one_name_are_one_and_others_are_not() {
    let erase = |transport: MemTransport| -> Arc<dyn Transport> { transport.into() };
    let [a, again, b] = ["brokers-a", "brokers-a", "brokers-b"].map(MemTransport::named).map(erase);
    assert!(delivers(&a, &again).await);
    assert!(!delivers(&a, &b).await);
    let own = MemTransport::new();
    assert!(delivers(&erase(own.clone()), &erase(own)).await);
    assert!(!delivers(&erase(MemTransport::new()), &erase(MemTransport::new())).await);
}

#[tokio::test]
async fn a_named_broker_is_new_once_it_is_unused_or_closed() {
    let first = TestBroker::over(MemTransport::named("brokers-short-lived"));
    let listener = first.listen("bank", "one").await;
    drop((first, listener));
    let second = TestBroker::over(MemTransport::named("brokers-short-lived"));
    assert_eq!(second.transport.listeners(), 0);
    second.transport.close().await;
    let third = TestBroker::over(MemTransport::named("brokers-short-lived"));
    third.listen("bank", "one").await;
}

#[tokio::test]
async fn urls_choose_a_broker() {
    let transports = Transports::new().with(MemTransport::factory());
    let connect = async |url| transports.connect(url).await.unwrap();
    assert!(
        delivers(&connect("mem://brokers-url").await, &connect("mem://brokers-url").await).await
    );
    assert!(!delivers(&connect("mem://").await, &connect("mem://").await).await);
}

#[tokio::test]
async fn urls_with_more_than_a_name_fail_with_advice() {
    let transports = Transports::new().with(MemTransport::factory());
    for (url, advice) in [
        ("mem://bank?capacity=3", "MemTransport::builder()"),
        ("mem://ada:secret@host/vhost", "mem://name"),
    ] {
        let error = transports.connect(url).await.err().unwrap().to_string();
        assert!(error.contains(advice) && !error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn the_codec_can_be_chosen() {
    assert_eq!(MemTransport::new().codec(), Codec::MessagePack);
    assert_eq!(MemTransport::builder().codec(Codec::Json).build().codec(), Codec::Json);
}

#[tokio::test]
async fn one_route_serves_several_brokers() {
    let (one, other) = (TestBroker::new(), TestBroker::new());
    let route = any("bank");
    for broker in [&one, &other, &one] {
        let mut listener = broker.listen("bank", "one").await;
        broker.publish(id(1), &route).await;
        assert_eq!(listener.ack_next().await, id(1));
    }
}

#[tokio::test]
async fn a_fanout_reaches_every_listener_in_every_exchange_once() {
    let broker = TestBroker::new();
    let mut listeners = [
        broker.listen("bank", "one").await,
        broker.listen("bank", "one").await,
        broker.listen_in("abroad", "bank", "two").await,
    ];
    let mut other = broker.listen("shop", "one").await;
    broker.publish(id(1), &fanout("bank").with_exchange(Some("nowhere".into()))).await;
    for listener in &mut listeners {
        assert_eq!(listener.ack_next().await, id(1));
        assert!(listener.poll_once().await.is_none());
    }
    assert!(other.poll_once().await.is_none());
}

#[tokio::test]
async fn closing_ends_listeners_calls_and_senders() {
    let broker = TestBroker::over(MemTransport::builder().queue_capacity(1).build());
    let mut state = broker.transport.state();
    assert_eq!(*state.borrow(), ConnectionState::Connected);
    let mut waiting = broker.listen("shop", "one").await;
    let ended = tokio::spawn(async move { waiting.try_next().await.is_none() });
    let mut listener = broker.listen("bank", "one").await;
    let mut taken = broker.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    let mut queued = broker.call("bank").unwrap().reply.unwrap();
    let blocked = broker.cast(id(3), "bank").unwrap().publish;
    tokio::task::yield_now().await;

    broker.transport.close().await;

    assert!(ended.await.unwrap());
    assert!(listener.try_next().await.is_none());
    for (reply, ran) in [(&mut taken, Ran::Unknown), (&mut queued, Ran::No)] {
        let ReplyEvent::Failed(error) = event(reply).await else { panic!("not failed") };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::Closed, ran));
    }
    assert_eq!(blocked.await.unwrap_err().kind(), TransportErrorKind::Closed);
    assert_eq!(broker.call("bank").unwrap_err().kind(), TransportErrorKind::Closed);
    assert_eq!(broker.call("never").unwrap_err().kind(), TransportErrorKind::Closed);
    let refused = broker.transport.listen(Listen::new("bank", "two")).await.err().unwrap();
    assert!(refused.to_string().contains("has been closed"), "{refused}");
    state.wait_for(|state| *state == ConnectionState::Closed).await.unwrap();
    drop((taken, queued, delivery, listener));
    broker.assert_idle();
}

#[tokio::test]
async fn after_a_restart_only_unacknowledged_messages_are_redelivered() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    for number in 1..=3 {
        broker.publish(id(number), &any("bank")).await;
    }
    assert_eq!(listener.ack_next().await, id(1));
    let mut held = listener.next().await;

    broker.transport.restart();

    let error = held.ack().await.unwrap_err();
    assert!(error.to_string().contains("restarted"), "{error}");
    drop(held);
    let mut again = listener.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(2), true));
    again.ack().await.unwrap();
    assert_eq!(listener.ack_next().await, id(3));
    broker.assert_idle();
}

#[tokio::test]
async fn a_call_outlives_a_restart() {
    let broker = TestBroker::new();
    let mut state = broker.transport.state();
    let mut listener = broker.listen("bank", "one").await;
    let mut reply = broker.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    broker.transport.restart();
    state.changed().await.unwrap();
    assert_eq!(*state.borrow(), ConnectionState::Connected);
    let done = Payload::new(Codec::MessagePack, text("done"));
    delivery.reply(Ok(done)).await.unwrap();
    assert_eq!(support::outcome(&mut reply).await, text("done"));
}

#[test]
fn one_broker_serves_several_runtimes() {
    let transport = MemTransport::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (asking, serving) = (runtime(), runtime());
    let broker = TestBroker::over(transport);
    let mut listener = serving.block_on(broker.listen("bank", "one"));
    let server = std::thread::spawn(move || {
        serving.block_on(async {
            let mut delivery = listener.next().await;
            delivery.ack().await.unwrap();
            let done = Payload::new(Codec::MessagePack, text("done"));
            delivery.reply(Ok(done)).await.unwrap();
        });
    });
    let result = asking.block_on(async {
        support::outcome(&mut broker.call("bank").unwrap().reply.unwrap()).await
    });
    assert_eq!(result, text("done"));
    server.join().unwrap();
    broker.assert_idle();
}
