//! A service that was called once and answers calls that were sent to another service.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use rpc_core::{Context, RunningServer, Server, Target, Transport as _, endpoint};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, UrlForm, shared};
use rpc_transport_amqp::AmqpTransport;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::draft::{enveloped, native};

/// The kind of a native message that carries a result.
const RESULT: u8 = 3;
/// What the forger would have callers believe.
const FORGED: u8 = 66;
const GUESSES: u128 = 64;
/// More than the caller's table has shards, so that one of them uses the entry of the call to the forger.
const CALLS: u64 = 16;

struct Honest(watch::Receiver<bool>);

#[endpoint(client = HonestClient)]
impl Honest {
    /// Returns the number once the test lets it.
    pub async fn hold(&self, _ctx: &Context, number: u64) -> u64 {
        let _ = self.0.clone().wait_for(|open| *open).await;
        number
    }
}

/// A consumer of a topic that knows how replies look.
struct Forger {
    form: UrlForm,
    channel: Channel,
    requests: Consumer,
}

/// What a request tells about its caller.
struct Asked {
    reply_queue: String,
    id: u128,
}

impl Forger {
    async fn start(node: &Node, vhost: &str, form: UrlForm) -> (Connection, Self) {
        let url = node.url(UrlForm::Amqp, vhost);
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let queue = if form == UrlForm::Amqp { "rpc/forger" } else { "forger" };
        let options = QueueDeclareOptions { durable: true, ..<_>::default() };
        channel.queue_declare(queue.into(), options, <_>::default()).await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..<_>::default() };
        let requests = channel.basic_consume(queue.into(), "".into(), options, <_>::default());
        let requests = requests.await.unwrap();
        (connection, Self { form, channel, requests })
    }

    async fn asked(&mut self) -> Asked {
        let request = self.requests.next().await.unwrap().unwrap();
        let (reply_queue, id) = match self.form {
            UrlForm::Amqp => native_caller(&request),
            _ => oslo_caller(&request),
        };
        Asked { reply_queue, id: u128::from_str_radix(&id, 16).unwrap() }
    }

    async fn reply(&self, queue: &str, id: u128) {
        let (id, properties) = (format!("{id:032x}"), BasicProperties::default());
        let (properties, body) = match self.form {
            UrlForm::Amqp => {
                (properties.with_correlation_id(id.into()), native(RESULT, 1, &[], &[FORGED]))
            }
            _ => {
                let reply = json!({
                    "result": FORGED, "failure": null, "ending": true, "_msg_id": id,
                    "_unique_id": format!("{:032x}", fastrand::u128(..)),
                });
                (properties, enveloped(&reply.to_string()))
            }
        };
        let options = BasicPublishOptions::default();
        let published =
            self.channel.basic_publish("".into(), queue.into(), options, &body, properties);
        published.await.unwrap().await.unwrap();
    }
}

fn native_caller(request: &Delivery) -> (String, String) {
    let text = |text: &Option<lapin::types::ShortString>| text.as_ref().unwrap().to_string();
    (text(request.properties.reply_to()), text(request.properties.correlation_id()))
}

fn oslo_caller(request: &Delivery) -> (String, String) {
    let envelope: Value = serde_json::from_slice(&request.data).unwrap();
    let message: Value = serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap();
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    (text("_reply_q"), text("_msg_id"))
}

async fn serve_honestly(transport: &AmqpTransport, barrier: &watch::Sender<bool>) -> RunningServer {
    let server = Server::builder(transport.clone(), Target::topic("honest").server("one"));
    let server = server.endpoint(Honest(barrier.subscribe()));
    server.build().unwrap().start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_called_cannot_answer_calls_to_another_one() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (node, vhost) = (shared().await.unwrap(), format!("forged {form:?}"));
        node.create_vhost(&vhost).await.unwrap();
        let url = node.url(form, &vhost);
        let [serving, calling] = [(); 2].map(|()| AmqpTransport::from_url(&url).unwrap());
        let barrier = watch::Sender::new(false);
        let server = serve_honestly(&serving, &barrier).await;
        let (_connection, mut forger) = Forger::start(node, &vhost, form).await;
        let ctx = Context::new();

        // As what it is asked, it may answer.
        let client = HonestClient::new(calling.clone(), Target::topic("forger"));
        let call = client.hold(&ctx, 1).timeout(EVENT_TIMEOUT);
        let answer = async {
            let asked = forger.asked().await;
            forger.reply(&asked.reply_queue, asked.id).await;
            asked
        };
        let (told, asked) = tokio::join!(call, answer);
        assert_eq!(told.unwrap(), u64::from(FORGED));

        let client = HonestClient::new(calling.clone(), Target::topic("honest"));
        let calls: Vec<_> = (0..CALLS)
            .map(|number| tokio::spawn(client.hold(&ctx, number).timeout(EVENT_TIMEOUT)))
            .collect();
        until("the methods run", async || server.stats().in_flight == CALLS).await;
        for guess in 1..=GUESSES {
            // The same entry of the caller's table, and its neighbours.
            for id in [asked.id + guess, asked.id + (guess << 64), asked.id ^ (guess << 96)] {
                forger.reply(&asked.reply_queue, id).await;
            }
        }
        let forged = 3 * u64::try_from(GUESSES).unwrap();
        until("all are dropped", async || calling.unmatched_replies() == forged).await;
        barrier.send_replace(true);
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap(), number as u64);
        }
        assert_eq!(calling.unmatched_replies(), forged);
        server.stop();
        server.wait().await.unwrap();
        for transport in [serving, calling] {
            transport.close().await;
        }
    }
}
