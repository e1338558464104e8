//! Baselines: the same guarantees as this framework, with lapin alone, and only what an echo needs.
//!
//! There is a reply queue that survives its connection. Messages are mandatory and confirmed both ways, and the task
//! that published a message awaits its confirm. Both sides acknowledge manually, the server before it runs a request.
//! Each request has a task. There are no names, versions, deadlines, cancellation or failures.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use rpc_benches::Echoed;

use crate::Fallible;
use crate::load::Client;
use crate::payload::{self, Message, decode, request};
use crate::pending_calls::PendingCalls;

/// The prefetch of requests and of replies, the same as this framework's.
const REQUEST_PREFETCH: u16 = 64;
const REPLY_PREFETCH: u16 = 2048;
/// How many replies are acknowledged at once at most, the same as this framework's.
const ACK_BATCH: usize = 256;
const MANDATORY: BasicPublishOptions = BasicPublishOptions { mandatory: true, immediate: false };

/// How many connections a client has, and a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Connections {
    One,
    /// One that publishes and one that consumes, as in this framework.
    Two,
}

pub(crate) struct Confirmed {
    publishing: Channel,
    requests: ShortString,
    replies: ShortString,
    pending_calls: Arc<PendingCalls>,
}

/// Starts a server and connects a client.
pub(crate) async fn connect(url: &str, connections: Connections) -> Fallible<Confirmed> {
    let name = |what: &str| ShortString::from(format!("confirmed-{connections:?}-{what}"));
    let (requests, replies) = (name("requests"), name("replies"));
    let (publishing, consuming) = channels(url, connections, REQUEST_PREFETCH).await?;
    declare(&consuming, &requests, FieldTable::default()).await?;
    let consumer = consume(&consuming, &requests, false).await?;
    tokio::spawn(serve(consumer, consuming, publishing));

    let pending_calls = Arc::new(PendingCalls::default());
    let (publishing, consuming) = channels(url, connections, REPLY_PREFETCH).await?;
    let mut expiring = FieldTable::default();
    expiring.insert("x-expires".into(), AMQPValue::LongLongInt(60_000));
    declare(&consuming, &replies, expiring).await?;
    let consumer = consume(&consuming, &replies, true).await?;
    tokio::spawn(receive(consumer, consuming, Arc::clone(&pending_calls)));
    Ok(Confirmed { publishing, requests, replies, pending_calls })
}

/// Opens one channel to publish on, and one to consume on.
async fn channels(
    url: &str,
    connections: Connections,
    prefetch: u16,
) -> lapin::Result<(Channel, Channel)> {
    let mut connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let publishing = connection.create_channel().await?;
    publishing.confirm_select(<_>::default()).await?;
    if let Connections::Two = connections {
        connection = Connection::connect(url, ConnectionProperties::default()).await?;
    }
    let consuming = connection.create_channel().await?;
    consuming.basic_qos(prefetch, <_>::default()).await?;
    Ok((publishing, consuming))
}

async fn declare(
    channel: &Channel,
    queue: &ShortString,
    arguments: FieldTable,
) -> lapin::Result<()> {
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.clone(), options, arguments).await?;
    Ok(())
}

async fn consume(
    channel: &Channel,
    queue: &ShortString,
    exclusive: bool,
) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions { exclusive, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.clone(), "".into(), options, <_>::default()).await
}

async fn serve(mut requests: Consumer, consuming: Channel, publishing: Channel) {
    while let Some(request) = requests.next().await {
        let request = request.expect("the connection holds");
        tokio::spawn(handle(request, consuming.clone(), publishing.clone()));
    }
}

async fn handle(request: Delivery, consuming: Channel, publishing: Channel) {
    // On the channel: a delivery's own `ack` goes through one more task of lapin.
    let acknowledged = consuming.basic_ack(request.delivery_tag, BasicAckOptions::default());
    acknowledged.await.expect("the connection holds");
    publish(&publishing, payload::serve(request).await).await;
}

/// Publishes a message, and waits for its confirm.
async fn publish(channel: &Channel, Message { queue, properties, body }: Message) {
    let sent = channel.basic_publish("".into(), queue, MANDATORY, &body, properties).await;
    let confirmed = sent.expect("the connection holds").await.expect("the connection holds");
    assert_eq!(confirmed, Confirmation::Ack(None), "the broker acks the message");
}

async fn receive(mut replies: Consumer, channel: Channel, pending_calls: Arc<PendingCalls>) {
    while let Some(reply) = replies.next().await {
        let reply = reply.expect("the connection holds");
        let mut last = reply.delivery_tag;
        pending_calls.complete(reply);
        for _ in 1..ACK_BATCH {
            let Some(Some(Ok(reply))) = replies.next().now_or_never() else { break };
            last = reply.delivery_tag;
            pending_calls.complete(reply);
        }
        let acknowledged = channel.basic_ack(last, BasicAckOptions { multiple: true });
        acknowledged.await.expect("the connection holds");
    }
}

impl Client for Confirmed {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        let (id, reply) = self.pending_calls.register();
        let message = request((&text, number), &self.requests, &self.replies, id);
        publish(&self.publishing, message).await;
        decode(&reply.await.expect("the server replies"))
    }
}
