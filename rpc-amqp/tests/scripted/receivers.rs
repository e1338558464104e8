//! What receives deliveries and outcomes in the tests.

use std::sync::Arc;

use rpc_amqp::{ConfirmHandler, Consumer, ConsumerEnd, Delivery, Outcome, Properties, Publish};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::broker::within;

/// What a consumer has been told.
#[derive(Debug)]
pub(crate) enum Event {
    Delivery(Delivery),
    End(ConsumerEnd),
}

/// Records what a consumer is told.
pub(crate) struct Recorder(UnboundedReceiver<Event>);

struct Sender(UnboundedSender<Event>);

impl Consumer for Sender {
    fn on_delivery(&self, delivery: Delivery) {
        let _ = self.0.send(Event::Delivery(delivery));
    }

    fn on_end(&self, reason: ConsumerEnd) {
        let _ = self.0.send(Event::End(reason));
    }
}

impl Recorder {
    pub(crate) fn new() -> (Self, Arc<dyn Consumer>) {
        let (sender, receiver) = unbounded_channel();
        (Self(receiver), Arc::new(Sender(sender)))
    }

    /// Waits for what comes next; `None` when the consumer is dropped.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        within(self.0.recv()).await
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.next().await.expect("the consumer is gone without an end")
    }

    pub(crate) async fn delivery(&mut self) -> Delivery {
        match self.event().await {
            Event::Delivery(delivery) => delivery,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn body(&mut self) -> Vec<u8> {
        self.delivery().await.message.body().to_vec()
    }

    /// Waits for the end, which must be the last thing that the consumer is told.
    pub(crate) async fn end(mut self) -> ConsumerEnd {
        let end = match self.event().await {
            Event::End(end) => end,
            other => panic!("{other:?}"),
        };
        self.silent_end().await;
        end
    }

    /// Waits until the consumer is dropped, without being told anything more.
    pub(crate) async fn silent_end(mut self) {
        let more = self.next().await;
        assert!(more.is_none(), "{more:?}");
    }

    /// Asserts that nothing has come.
    pub(crate) fn expect_nothing(&mut self) {
        let more = self.0.try_recv();
        assert!(more.is_err(), "{more:?}");
    }
}

/// Records the outcomes of messages, by the numbers that were given with them.
pub(crate) struct Outcomes {
    receiver: UnboundedReceiver<(u128, Outcome)>,
    pub(crate) handler: Arc<dyn ConfirmHandler>,
}

struct Handler(UnboundedSender<(u128, Outcome)>);

impl ConfirmHandler for Handler {
    fn on_outcome(&self, message: u128, outcome: Outcome) {
        let _ = self.0.send((message, outcome));
    }
}

impl Outcomes {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { receiver, handler: Arc::new(Handler(sender)) }
    }

    /// Waits for so many outcomes, and returns them in a short form.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<(u128, String)> {
        let mut outcomes = Vec::new();
        for _ in 0..count {
            let (number, outcome) = within(self.receiver.recv()).await.unwrap();
            outcomes.push((number, short_form(&outcome)));
        }
        outcomes
    }

    /// Asserts that nothing has come.
    pub(crate) fn expect_nothing(&mut self) {
        let more = self.receiver.try_recv();
        assert!(more.is_err(), "{more:?}");
    }
}

/// Returns an outcome as one word, or two.
pub(crate) fn short_form(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Confirmed => "confirmed".into(),
        Outcome::Nacked => "nacked".into(),
        Outcome::Returned(it) => {
            let body = it.message.body();
            format!("returned {} {}", it.code, String::from_utf8_lossy(&body))
        }
        Outcome::Refused(error) => format!("refused: {error}"),
        Outcome::Lost(error) => format!("lost: {error}"),
        other => panic!("{other:?}"),
    }
}

/// Returns a mandatory message for the queue `q`.
pub(crate) fn mandatory<'a>(properties: &'a Properties, body: &'a [&'a [u8]]) -> Publish<'a> {
    Publish { exchange: "", routing_key: "q", mandatory: true, properties, body }
}
