//! A virtual host of the shared node, with a peer that publishes and consumes messages as they are, and transports.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use lapin::message::DeliveryResult;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use rpc_core::pending_calls::{PendingReply, ReplyEvent};
use rpc_core::transport::{AckMode, Delivery, Destination, Listen, Listener, Route};
use rpc_core::{Request, Transport};
use rpc_tests::support::poll::EVENT_TIMEOUT;
use rpc_tests::support::rabbitmq::{UrlForm, shared};
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::golden::Message;

pub const TOPIC: &str = "golden";

/// The queue of the topic.
pub const QUEUE: &str = "rpc/golden";

pub struct Broker {
    url: String,
    channel: Channel,
    _connection: Connection,
}

impl Broker {
    pub async fn new(vhost: &str) -> Self {
        let node = shared().await.unwrap();
        node.create_vhost(vhost).await.unwrap();
        let url = node.url(UrlForm::Amqp, vhost);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { url, channel, _connection: connection }
    }

    /// Publishes a message to a queue as it is.
    pub async fn publish(&self, queue: &str, message: &Message) {
        let (options, properties) = (BasicPublishOptions::default(), message.amqp_properties());
        let sent =
            self.channel.basic_publish("".into(), queue.into(), options, &message.body, properties);
        sent.await.unwrap().await.unwrap();
    }

    /// Declares a queue and consumes it.
    pub async fn consume(&self, queue: &str) -> Consumed {
        // As a server declares its queues.
        let options = QueueDeclareOptions { durable: true, ..<_>::default() };
        self.channel.queue_declare(queue.into(), options, <_>::default()).await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..<_>::default() };
        let consumer = self.channel.basic_consume(queue.into(), "".into(), options, <_>::default());
        let (messages, consumed) = mpsc::unbounded_channel();
        consumer.await.unwrap().set_delegate(move |delivery: DeliveryResult| {
            if let Ok(Some(delivery)) = delivery {
                // The test may be over.
                let _ = messages.send(Message::new(&delivery.properties, &delivery.data));
            }
            std::future::ready(())
        });
        Consumed(consumed)
    }

    /// Starts a listener of the topic, without a server.
    pub async fn listen(&self) -> Server {
        let transport = AmqpTransport::from_url(&self.url).unwrap();
        let mut listen = Listen::new(TOPIC, "one");
        listen.concurrency = 16;
        listen.ack_mode = AckMode::BeforeInvoke;
        Server { listener: transport.listen(listen).await.unwrap(), _transport: transport }
    }

    pub fn client(&self) -> Client {
        Client(AmqpTransport::from_url(&self.url).unwrap())
    }
}

/// The messages of one queue.
pub struct Consumed(mpsc::UnboundedReceiver<Message>);

impl Consumed {
    pub async fn next(&mut self) -> Message {
        timeout(EVENT_TIMEOUT, self.0.recv()).await.expect("a message comes soon").unwrap()
    }
}

pub struct Server {
    listener: Box<dyn Listener>,
    _transport: AmqpTransport,
}

impl Server {
    /// Waits for the next request that can be decoded, and acknowledges it.
    pub async fn next(&mut self) -> Box<dyn Delivery> {
        loop {
            let next = poll_fn(|cx| self.listener.poll_next(cx));
            let next = timeout(EVENT_TIMEOUT, next).await.expect("a request comes soon");
            if let Some(mut delivery) = next.unwrap().unwrap().decode() {
                delivery.ack().await.unwrap();
                return delivery;
            }
        }
    }
}

pub struct Client(AmqpTransport);

impl Client {
    /// Publishes a request. Returns what waits for its reply, if it is a call.
    pub async fn send(&self, request: Request) -> Option<PendingReply> {
        let route = Route::new(TOPIC, Destination::Any);
        let sent = self.0.send(&route, Arc::new(request)).unwrap();
        sent.publish.await.unwrap();
        sent.reply
    }
}

/// Returns the deadline of a message whose golden expiration is 30 s.
pub fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// Waits for the end of a call.
pub async fn outcome(mut reply: PendingReply) -> ReplyEvent {
    let ended = poll_fn(|cx| reply.poll(cx));
    timeout(EVENT_TIMEOUT, ended).await.expect("the call ends soon")
}
