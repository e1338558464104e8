//! Publishes messages, and records what a consumer receives.

use std::sync::Arc;

use rpc_amqp::{
    Channel, ConfirmFuture, ConsumeOptions, Consumer, ConsumerEnd, Delivery, Error, Outcome,
    Properties, Publish,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::in_time;

/// What a consumer was told.
#[derive(Debug)]
pub enum Event {
    Delivery(Delivery),
    End(ConsumerEnd),
}

struct Recorder(UnboundedSender<Event>);

impl Consumer for Recorder {
    fn on_delivery(&self, delivery: Delivery) {
        let _ = self.0.send(Event::Delivery(delivery));
    }

    fn on_end(&self, reason: ConsumerEnd) {
        let _ = self.0.send(Event::End(reason));
    }
}

/// Receives what a consumer is told.
#[derive(Debug)]
pub struct Received(UnboundedReceiver<Event>);

impl Received {
    /// Creates a consumer, and what receives its events.
    pub fn new() -> (Arc<dyn Consumer>, Self) {
        let (sender, receiver) = unbounded_channel();
        (Arc::new(Recorder(sender)), Self(receiver))
    }

    /// Consumes a queue. The queue's name is the consumer's tag.
    pub async fn of(channel: &Channel, queue: &str) -> Self {
        let (consumer, received) = Self::new();
        let options = ConsumeOptions::default();
        in_time("a consumer", channel.consume(queue, queue, &options, consumer)).await.unwrap();
        received
    }

    /// Returns the next event; `None`: the connection has forgotten the consumer.
    pub async fn event(&mut self) -> Option<Event> {
        in_time("an event of a consumer", self.0.recv()).await
    }

    pub async fn delivery(&mut self) -> Delivery {
        match self.event().await {
            Some(Event::Delivery(delivery)) => delivery,
            other => panic!("{other:?} comes instead of a delivery"),
        }
    }

    /// Returns why the consumer ended, after which nothing more may come.
    pub async fn end(&mut self) -> ConsumerEnd {
        let end = match self.event().await {
            Some(Event::End(end)) => end,
            other => panic!("{other:?} comes instead of the end"),
        };
        let more = self.event().await;
        assert!(more.is_none(), "{more:?} comes behind the end");
        end
    }

    /// Returns an event that is there already.
    pub fn now(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

/// Returns what an outcome is, without the message.
pub fn short_form(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Returned(returned) => format!("Returned({})", returned.code),
        outcome => format!("{outcome:?}"),
    }
}

/// Returns a mandatory message to a queue.
pub fn to<'a>(queue: &'a str, properties: &'a Properties, body: &'a [&'a [u8]]) -> Publish<'a> {
    Publish { exchange: "", routing_key: queue, mandatory: true, properties, body }
}

/// Publishes a message without properties to a queue.
pub fn publish(channel: &Channel, queue: &str, body: &[u8]) -> Result<ConfirmFuture, Error> {
    channel.publish_confirmed(&to(queue, &Properties::default(), &[body]))
}
