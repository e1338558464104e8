//! The least that lapin needs for a call: direct reply-to, without confirms and acknowledgements. Lost messages go
//! unnoticed.

use std::sync::Arc;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicConsumeOptions;
use lapin::types::ShortString;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use rpc_benches::Echoed;

use crate::Fallible;
use crate::load::Client;
use crate::payload::{self, Message, decode, request};
use crate::pending_calls::PendingCalls;

const REQUESTS: &str = "direct-requests";
const REPLIES: &str = "amq.rabbitmq.reply-to";

pub(crate) struct DirectReplyTo {
    channel: Channel,
    requests: ShortString,
    replies: ShortString,
    pending_calls: Arc<PendingCalls>,
}

/// Starts a server and connects a client, with one connection and one channel each.
pub(crate) async fn connect(url: &str) -> Fallible<DirectReplyTo> {
    let channel = open(url).await?;
    channel.queue_declare(REQUESTS.into(), <_>::default(), <_>::default()).await?;
    tokio::spawn(serve(consume(&channel, REQUESTS).await?, channel));

    let (channel, pending_calls) = (open(url).await?, Arc::new(PendingCalls::default()));
    tokio::spawn(receive(consume(&channel, REPLIES).await?, Arc::clone(&pending_calls)));
    Ok(DirectReplyTo { channel, requests: REQUESTS.into(), replies: REPLIES.into(), pending_calls })
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
        tokio::spawn(handle(request, channel.clone()));
    }
}

async fn handle(request: Delivery, channel: Channel) {
    publish(&channel, payload::serve(request).await).await;
}

/// Publishes a message without a confirm.
async fn publish(channel: &Channel, Message { queue, properties, body }: Message) {
    let sent = channel.basic_publish("".into(), queue, <_>::default(), &body, properties).await;
    drop(sent.expect("the connection holds"));
}

async fn receive(mut replies: Consumer, pending_calls: Arc<PendingCalls>) {
    while let Some(reply) = replies.next().await {
        pending_calls.complete(reply.expect("the connection holds"));
    }
}

impl Client for DirectReplyTo {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        let (id, reply) = self.pending_calls.register();
        let message = request((&text, number), &self.requests, &self.replies, id);
        publish(&self.channel, message).await;
        decode(&reply.await.expect("the server replies"))
    }
}
