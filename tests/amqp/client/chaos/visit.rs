//! One channel's life.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use rpc_amqp::{
    Channel, ConsumeOptions, Consumer, ConsumerEnd, Delivery, Error, Outcome, Properties, Publish,
    QueueDeclare,
};
use rpc_tests::support::seeded_rng::SeededRng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::ledger::{self, Consumption, Destination, Ledger, Message, Sent, Sighting, is_fault};
use super::visitor::Visitor;
use super::{FULL, consumed, stored};
use crate::broker::{QUEUE, declare, declare_passively, in_time};
use crate::messages::Received;

/// How many messages each consumer may have unacknowledged.
const PREFETCH: u16 = 20;

pub struct Visit<'a> {
    visitor: &'a mut Visitor,
    channel: &'a Channel,
    number: usize,
    confirms: bool,
    /// The code of the first error that was provoked. The broker reads what comes before it, and nothing behind it.
    pub fault: Option<u16>,
    pub told: bool,
    consumers: usize,
    received: UnboundedReceiver<(u64, Message)>,
    sender: UnboundedSender<(u64, Message)>,
}

/// Notes what a consumer is told.
struct Noted {
    ledger: Arc<Mutex<Ledger>>,
    visit: usize,
    at: usize,
    sender: UnboundedSender<(u64, Message)>,
}

impl Consumer for Noted {
    fn on_delivery(&self, delivery: Delivery) {
        let message = ledger::message(&delivery);
        let sighting = Sighting { message, visit: self.visit, redelivered: delivery.redelivered };
        self.ledger.lock().unwrap().sightings.push(sighting);
        // The visit may be over.
        let _ = self.sender.send((delivery.tag, message));
    }

    fn on_end(&self, reason: ConsumerEnd) {
        self.ledger.lock().unwrap().consumers[self.at].ends.push(reason);
    }
}

impl<'a> Visit<'a> {
    pub async fn begin(visitor: &'a mut Visitor, channel: &'a Channel, number: usize) -> Self {
        let (sender, received) = unbounded_channel();
        let confirms = visitor.rng.percent(90);
        in_time("the prefetch", channel.qos(PREFETCH)).await.unwrap();
        if confirms {
            in_time("confirms", channel.confirm_select(1000)).await.unwrap();
        }
        let (fault, told, consumers) = (None, false, 0);
        Self { visitor, channel, number, confirms, fault, told, consumers, received, sender }
    }

    pub fn rng(&mut self) -> &mut SeededRng {
        &mut self.visitor.rng
    }

    /// Does one thing at random.
    pub async fn act(&mut self) {
        match self.rng().below(22) {
            0..=3 => self.publish(Destination::Stored).await,
            4..=7 => self.publish(Destination::Consumed).await,
            8 => self.publish(Destination::Full).await,
            9 => self.publish(Destination::Nowhere).await,
            10 => self.publish(Destination::Void).await,
            11 => self.publish_and_wait().await,
            12 | 13 => self.declare().await,
            14 | 15 => self.consume().await,
            16..=18 => self.settle(),
            19 => self.provoke().await,
            20 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }

    /// Returns what a request says. It fails exactly if the channel has an error, and over that error.
    fn answer<T>(&mut self, answer: Result<T, Error>) -> Option<T> {
        match (answer, self.fault) {
            (Ok(answer), None) => Some(answer),
            (Err(error), fault) if is_fault(&error, fault) => {
                self.told = true;
                None
            }
            (answer, fault) => panic!("{:?} although the fault is {fault:?}", answer.err()),
        }
    }

    async fn publish(&mut self, destination: Destination) {
        let ready = in_time("room for a message", self.channel.ready()).await;
        if let Err(error) = ready {
            return assert!(is_fault(&error, self.fault), "{error}");
        }
        let message = self.visitor.next_message();
        let queue = match destination {
            Destination::Stored => stored(self.visitor.task),
            Destination::Consumed => consumed(self.visitor.task),
            Destination::Full => FULL.to_owned(),
            Destination::Nowhere | Destination::Void => "nowhere".to_owned(),
        };
        let body = message.to_be_bytes();
        // Messages to nowhere are all equal.
        let body: &[u8] = if queue == "nowhere" { b"equal" } else { &body };
        let published = self.channel.publish_with_handler(
            &Publish {
                mandatory: destination != Destination::Void,
                ..crate::messages::to(&queue, &Properties::default(), &[body])
            },
            Arc::clone(&self.visitor.handler),
            message,
        );
        let (visit, confirmed, before_fault) = (self.number, self.confirms, self.fault.is_none());
        match published {
            Ok(()) => {
                let sent = Sent { destination, visit, confirmed, before_fault };
                self.visitor.ledger.lock().unwrap().sent.insert(message, sent);
            }
            Err(error) => assert!(is_fault(&error, self.fault), "{error}"),
        }
    }

    /// Publishes to nowhere, and waits for the outcome.
    async fn publish_and_wait(&mut self) {
        let confirm = match crate::messages::publish(self.channel, "nowhere", b"equal") {
            Ok(confirm) if self.confirms => confirm,
            Ok(_) => return,
            Err(error) => return assert!(is_fault(&error, self.fault), "{error}"),
        };
        match in_time("an outcome", confirm).await {
            Outcome::Returned(_) if self.fault.is_none() => {}
            Outcome::Lost(error) if is_fault(&error, self.fault) => {}
            outcome => panic!("{outcome:?}, the fault is {:?}", self.fault),
        }
    }

    /// Declares a queue, and waits for the answer or does not.
    async fn declare(&mut self) {
        let name = [stored, consumed][self.rng().below(2)](self.visitor.task);
        if self.rng().percent(50) {
            let answer = declare(self.channel, &name).await;
            let declared = self.answer(answer);
            assert!(declared.is_none_or(|declared| declared.name == name));
        } else {
            let queue = QueueDeclare { name: &name, ..QUEUE };
            let yields = self.rng().below(4);
            if let Some(answer) = begin(self.channel.queue_declare(&queue), yields).await {
                self.answer(answer);
            }
        }
    }

    /// Returns the tag of the latest consumer, which no other consumer of the connection has had.
    fn tag(&self) -> String {
        format!("{}.{}", self.number, self.consumers)
    }

    /// Begins to consume, and waits for the answer or does not.
    async fn consume(&mut self) {
        let visit = self.number;
        let at = {
            let mut ledger = self.visitor.ledger.lock().unwrap();
            ledger.consumers.push(Consumption { visit, certain: false, ends: Vec::new() });
            ledger.consumers.len() - 1
        };
        let ledger = Arc::clone(&self.visitor.ledger);
        let consumer = Arc::new(Noted { ledger, visit, at, sender: self.sender.clone() });
        self.consumers += 1;
        let (queue, tag) = (consumed(self.visitor.task), self.tag());
        let options = ConsumeOptions::default();
        let request = self.channel.consume(&queue, &tag, &options, consumer);
        let certain = if self.rng().percent(50) {
            let answer = in_time("a consumer", request).await;
            self.answer(answer).is_some()
        } else {
            let yields = self.rng().below(4);
            match begin(request, yields).await {
                Some(answer) => self.answer(answer).is_some(),
                None => true,
            }
        };
        self.visitor.ledger.lock().unwrap().consumers[at].certain = certain;
    }

    /// Settles most of what has been received.
    fn settle(&mut self) {
        while let Ok((tag, message)) = self.received.try_recv() {
            let settled = match self.rng().below(10) {
                0 => continue,
                1 => self.channel.nack(tag, false, true),
                _ => self.channel.ack(tag, false).inspect(|()| {
                    // Behind an error the broker ignores it.
                    if self.fault.is_none() {
                        self.visitor.ledger.lock().unwrap().acked.insert(message, self.number);
                    }
                }),
            };
            if let Err(error) = settled {
                assert!(is_fault(&error, self.fault), "{error}");
            }
        }
    }

    /// Provokes an error of the channel. Those of requests are waited for or not.
    async fn provoke(&mut self) {
        let kind = self.rng().below(5);
        let code = if kind < 3 { 404 } else { 406 };
        self.fault.get_or_insert(code);
        let waits = self.rng().percent(50);
        let yields = self.rng().below(4);
        let name = stored(self.visitor.task);
        let answer = match kind {
            0 => {
                let request = declare_passively(self.channel, "missing");
                if waits { Some(request.await) } else { begin(request, yields).await }.map(drop_ok)
            }
            1 => {
                let (consumer, _) = Received::new();
                let options = ConsumeOptions::default();
                self.consumers += 1;
                let tag = self.tag();
                let request = self.channel.consume("missing", &tag, &options, consumer);
                if waits { Some(request.await) } else { begin(request, yields).await }
            }
            2 => {
                let properties = Properties::default();
                let message = crate::messages::to("", &properties, &[]);
                Some(self.channel.publish(&Publish { exchange: "missing", ..message }))
            }
            3 => Some(self.channel.ack(u64::MAX, false)),
            _ => {
                let queue = QueueDeclare { name: &name, auto_delete: true, ..QUEUE };
                let request = self.channel.queue_declare(&queue);
                if waits { Some(request.await) } else { begin(request, yields).await }.map(drop_ok)
            }
        };
        match answer {
            Some(Err(error)) => drop(self.answer::<()>(Err(error))),
            // What is not answered is only sent.
            Some(Ok(())) => assert!(kind == 2 || kind == 3, "kind {kind} has no error"),
            None => {}
        }
    }
}

fn drop_ok<T>(answer: Result<T, Error>) -> Result<(), Error> {
    answer.map(drop)
}

/// Polls a future once, waits for a moment and drops it. Returns its value if it had one at once.
pub async fn begin<F: Future>(future: F, yields: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let first = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    for _ in 0..yields {
        tokio::task::yield_now().await;
    }
    match first {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
