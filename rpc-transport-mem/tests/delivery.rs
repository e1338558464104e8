//! Messages from a sender to a listener, driven through the traits.

mod support;

use rpc_core::{Codec, Payload};
use support::{Bench, id, text};

#[tokio::test]
async fn a_call_reaches_a_listener_and_its_answer_the_caller() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut replies = bench.call("bank").unwrap().replies.unwrap();

    let mut delivery = listener.next().await;
    assert!(!delivery.redelivered());
    delivery.acknowledge().await.unwrap();
    let outcome = Ok(Payload::new(Codec::MessagePack, text("done")));
    delivery.finish(outcome).await.unwrap();

    assert_eq!(support::outcome(&mut replies).await, text("done"));
    drop((delivery, replies));
    bench.assert_idle();
}

#[tokio::test]
async fn messages_are_taken_in_the_order_they_were_sent() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    for number in 1..=5 {
        bench.cast(id(number), "bank").unwrap().hand_over.await.unwrap();
    }
    for number in 1..=5 {
        assert_eq!(listener.take().await, id(number));
    }
    bench.assert_idle();
}
