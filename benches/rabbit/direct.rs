//! The least that lapin can do: direct reply-to, and nothing else. What is lost is lost, and nobody hears of it.

use std::sync::Arc;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicConsumeOptions;
use lapin::types::ShortString;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use rpc_benches::Echoed;

use crate::Fallible;
use crate::drive::Echo;
use crate::payload::{Message, decode, request, run};
use crate::waiting::Waiting;

const REQUESTS: &str = "direct-requests";
const ANSWERS: &str = "amq.rabbitmq.reply-to";

pub(crate) struct Direct {
    channel: Channel,
    requests: ShortString,
    answers: ShortString,
    waiting: Arc<Waiting>,
}

/// A server, and a client of it, with one connection and one channel each.
pub(crate) async fn connect(url: &str) -> Fallible<Direct> {
    let channel = open(url).await?;
    channel.queue_declare(REQUESTS.into(), <_>::default(), <_>::default()).await?;
    tokio::spawn(serve(consume(&channel, REQUESTS).await?, channel));

    let (channel, waiting) = (open(url).await?, Arc::new(Waiting::default()));
    tokio::spawn(receive(consume(&channel, ANSWERS).await?, Arc::clone(&waiting)));
    Ok(Direct { channel, requests: REQUESTS.into(), answers: ANSWERS.into(), waiting })
}

async fn open(url: &str) -> lapin::Result<Channel> {
    Connection::connect(url, ConnectionProperties::default()).await?.create_channel().await
}

async fn consume(channel: &Channel, queue: &str) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.into(), "".into(), options, <_>::default()).await
}

async fn serve(mut requests: Consumer, channel: Channel) {
    while let Some(request) = requests.next().await {
        let request = request.expect("the connection holds");
        tokio::spawn(answer(request, channel.clone()));
    }
}

async fn answer(request: Delivery, channel: Channel) {
    publish(&channel, run(request).await).await;
}

/// Ends when the message is on its way.
async fn publish(channel: &Channel, Message { queue, properties, body }: Message) {
    let sent = channel.basic_publish("".into(), queue, <_>::default(), &body, properties).await;
    drop(sent.expect("the connection holds"));
}

async fn receive(mut answers: Consumer, waiting: Arc<Waiting>) {
    while let Some(answer) = answers.next().await {
        waiting.complete(answer.expect("the connection holds"));
    }
}

impl Echo for Direct {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        let (id, answer) = self.waiting.open();
        let message = request((&text, number), &self.requests, &self.answers, id);
        publish(&self.channel, message).await;
        decode(&answer.await.expect("the server answers"))
    }
}
