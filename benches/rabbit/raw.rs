//! Floors: what a good program does with lapin alone that promises what we promise, and no more than an echo needs.
//!
//! A reply queue that outlives its connection; confirms and `mandatory` both ways, awaited by the task that sent; manual
//! acknowledgements on both sides, of requests before they run; a task for each request. No names, versions, deadlines,
//! cancellation or failures.

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
use crate::drive::Echo;
use crate::payload::{Message, decode, request, run};
use crate::waiting::Waiting;

/// So many requests and answers may be on their way unacknowledged: as many as of ours.
const REQUESTS: u16 = 64;
const ANSWERS: u16 = 2048;
/// After so many at the latest, answers are acknowledged, all at once, as ours are.
const BATCH: usize = 256;
const MANDATORY: BasicPublishOptions = BasicPublishOptions { mandatory: true, immediate: false };

/// Of the client, and of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Connections {
    One,
    /// One that publishes and one that consumes, as we have.
    Two,
}

pub(crate) struct Raw {
    publishing: Channel,
    requests: ShortString,
    answers: ShortString,
    waiting: Arc<Waiting>,
}

/// A server, and a client of it.
pub(crate) async fn connect(url: &str, connections: Connections) -> Fallible<Raw> {
    let name = |what: &str| ShortString::from(format!("raw-{connections:?}-{what}"));
    let (requests, answers) = (name("requests"), name("answers"));
    let (publishing, consuming) = channels(url, connections, REQUESTS).await?;
    declare(&consuming, &requests, FieldTable::default()).await?;
    let consumer = consume(&consuming, &requests, false).await?;
    tokio::spawn(serve(consumer, consuming, publishing));

    let waiting = Arc::new(Waiting::default());
    let (publishing, consuming) = channels(url, connections, ANSWERS).await?;
    let mut passing = FieldTable::default();
    passing.insert("x-expires".into(), AMQPValue::LongLongInt(60_000));
    declare(&consuming, &answers, passing).await?;
    let consumer = consume(&consuming, &answers, true).await?;
    tokio::spawn(receive(consumer, consuming, Arc::clone(&waiting)));
    Ok(Raw { publishing, requests, answers, waiting })
}

/// One channel to publish on, and one to consume on.
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
        tokio::spawn(answer(request, consuming.clone(), publishing.clone()));
    }
}

async fn answer(request: Delivery, consuming: Channel, publishing: Channel) {
    // By the channel: a delivery's own `ack` goes by way of one more task of the library.
    let acknowledged = consuming.basic_ack(request.delivery_tag, BasicAckOptions::default());
    acknowledged.await.expect("the connection holds");
    publish(&publishing, run(request).await).await;
}

/// Ends when the broker has confirmed the message.
async fn publish(channel: &Channel, Message { queue, properties, body }: Message) {
    let sent = channel.basic_publish("".into(), queue, MANDATORY, &body, properties).await;
    let confirmed = sent.expect("the connection holds").await.expect("the connection holds");
    assert_eq!(confirmed, Confirmation::Ack(None), "the queue takes it");
}

async fn receive(mut answers: Consumer, channel: Channel, waiting: Arc<Waiting>) {
    while let Some(answer) = answers.next().await {
        let answer = answer.expect("the connection holds");
        let mut last = answer.delivery_tag;
        waiting.complete(answer);
        for _ in 1..BATCH {
            let Some(Some(Ok(answer))) = answers.next().now_or_never() else { break };
            last = answer.delivery_tag;
            waiting.complete(answer);
        }
        let acknowledged = channel.basic_ack(last, BasicAckOptions { multiple: true });
        acknowledged.await.expect("the connection holds");
    }
}

impl Echo for Raw {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        let (id, answer) = self.waiting.open();
        let message = request((&text, number), &self.requests, &self.answers, id);
        publish(&self.publishing, message).await;
        decode(&answer.await.expect("the server answers"))
    }
}
