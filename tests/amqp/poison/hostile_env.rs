//! A virtual host with servers, a client, and somebody who publishes whatever bytes they like.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use rpc_core::server::Stats;
use rpc_core::{Context, RunningServer, Target, Transport as _};
use rpc_tests::support::logs::{Event, Logs};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, UrlForm, shared, with_options};
use rpc_tests::support::raw_publisher::RawPublisher;
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;
use tokio::time::{sleep, timeout};
use tracing::Level;

use crate::broker_view::OpenChannels;
use crate::draft::{self, Draft};
use crate::kinds::{ANY, Kind, MAX_MESSAGE, OF_REQUESTS};
use crate::neighbours::{Neighbours, Runs, Service, ServiceClient, serve};
use crate::reply_kinds::OF_REPLIES;

/// The user under whom hostile messages are published, and the password.
pub const PUBLISHER: &str = "alice";

/// The longest text that a peer can put into one field of the log.
const MAX_LOGGED: usize = 2000;

/// How many messages each server runs at a time.
const CONCURRENCY: usize = 8;

/// Delay between two looks at the queues.
const POLL: Duration = Duration::from_millis(20);

const SERVERS: [&str; 2] = ["one", "two"];

/// Queues to which hostile messages have replies and copies sent.
const SINKS: [&str; 2] = ["sink", "copies"];
/// How many messages the callers may have in the queues while they work: requests, and replies that wait for their ack.
const OF_CALLERS: usize = 20;

/// Where a hostile message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Topic,
    Server,
    Fanout,
    Replies,
}

pub struct HostileEnv {
    pub node: &'static Node,
    pub vhost: String,
    form: UrlForm,
    topic: String,
    servers: Vec<RunningServer>,
    transports: Vec<AmqpTransport>,
    runs: Arc<Runs>,
    client: ServiceClient,
    /// The reply queues of all transports.
    reply_queues: Vec<String>,
    publisher: RawPublisher,
}

/// What was published.
#[derive(Debug, Default)]
pub struct Published {
    /// The messages that the broker accepted.
    pub accepted: usize,
    /// How often they were put into servers' queues.
    to_servers: usize,
    /// How many of these the broker may drop before they are delivered.
    may_expire: usize,
}

/// Returns the warnings and errors of this process, from the first call on.
fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs::record_all_threads(Level::WARN))
}

impl HostileEnv {
    pub async fn start(form: UrlForm, name: &str) -> Self {
        logs();
        let node = shared().await.unwrap();
        let vhost = format!("{name} {form:?}");
        node.create_vhost(&vhost).await.unwrap();
        // The user may be there already.
        let _ = node.add_user(PUBLISHER, PUBLISHER).await;
        node.allow(PUBLISHER, &vhost, [".*", ".*", ".*"]).await.unwrap();
        declare_sinks(node, &vhost).await;
        let topic = format!("poison {vhost}").replace(' ', ".");
        let options = format!("max_message={MAX_MESSAGE}");
        let url = with_options(&node.url(form, &vhost), &options);
        let transport = || AmqpTransport::from_url(&url).unwrap();
        let (runs, mut servers, mut transports) = (Arc::<Runs>::default(), Vec::new(), Vec::new());
        for name in SERVERS {
            let (transport, runs) = (transport(), Arc::clone(&runs));
            let service = Service { runs, barrier: None };
            let target = Target::topic(topic.clone()).server(name);
            servers.push(serve(&transport, target, service, CONCURRENCY).await);
            transports.push(transport);
        }
        transports.push(transport());
        let client = ServiceClient::new(transports[2].clone(), Target::topic(topic.clone()));
        let called = client.echo(&Context::new(), 1).timeout(EVENT_TIMEOUT).await;
        assert_eq!(called.unwrap(), 1);
        let is_reply_queue =
            |name: &str| name.starts_with("rpc.reply/") || name.starts_with("reply_");
        let reply_queues = async || {
            let names = node.queues(&vhost).await.unwrap().into_iter().map(|queue| queue.name);
            names.filter(|name| is_reply_queue(name)).collect::<Vec<_>>()
        };
        until("each transport has a reply queue", async || reply_queues().await.len() == 3).await;
        let (reply_queues, publisher) = (reply_queues().await, publisher(node, &vhost).await);
        Self {
            node,
            form,
            topic,
            servers,
            transports,
            runs,
            client,
            reply_queues,
            publisher,
            vhost,
        }
    }

    /// Publishes hostile messages beside callers who notice nothing. Returns what was published when all of it is gone.
    pub async fn publish_beside_callers(
        &mut self,
        messages: usize,
        seed: u64,
        may_expire: bool,
    ) -> Published {
        let open = OpenChannels::of(self.node, &self.vhost, "guest").await;
        let neighbours = Neighbours::begin(&self.client);
        until("the callers are at work", async || neighbours.done() >= 10).await;
        let (mut rng, mut published) = (SeededRng::new(seed), Published::default());
        let mut number = 0;
        while published.accepted < messages {
            let drafted = self.draft(&mut rng, number);
            if may_expire || !drafted.1.may_expire {
                self.publish(&mut rng, drafted, &mut published).await;
            }
            number += 1;
            assert!(number < messages * 2, "the broker refuses too many messages: {published:?}");
        }
        let before = neighbours.done();
        until("the callers still work", async || neighbours.done() >= before + 10).await;
        self.until_queues_hold_at_most(OF_CALLERS).await;
        let sent = neighbours.end(&self.runs).await;
        self.until_queues_hold_at_most(0).await;
        open.assert_still_open(self.node, &self.vhost, "guest").await;
        self.assert_rejected_or_served(&published, sent + 1).await;
        published
    }

    /// Returns a place and a message in which something is hostile; each kind has its turn.
    fn draft(&self, rng: &mut SeededRng, number: usize) -> (Place, Draft, &'static str) {
        let place =
            rng.pick(&[Place::Topic, Place::Topic, Place::Server, Place::Fanout, Place::Replies]);
        // Either dialect may come to any queue, mostly its own.
        let native = (self.form == UrlForm::Amqp) == rng.percent(80);
        let (mut draft, own_kinds) = match place {
            Place::Replies => (draft::reply(rng, native), OF_REPLIES),
            _ => (draft::request(rng, native, "sink"), OF_REQUESTS),
        };
        let kinds: Vec<Kind> = ANY.iter().chain(own_kinds).copied().collect();
        let (name, change) = kinds[number % kinds.len()];
        change(rng, &mut draft);
        if rng.percent(20) {
            let (_, change) = ANY[rng.below(ANY.len() - 10)];
            change(rng, &mut draft);
        }
        (place, draft, name)
    }

    async fn publish(
        &mut self,
        rng: &mut SeededRng,
        (place, draft, kind): (Place, Draft, &str),
        published: &mut Published,
    ) {
        let native = self.form == UrlForm::Amqp;
        let queue = |name: String| (Vec::new(), name.into_bytes());
        let topic = if native { format!("rpc/{}", self.topic) } else { self.topic.clone() };
        let (exchange, key) = match place {
            Place::Topic => queue(topic),
            Place::Server if native => queue(format!("{topic}/{}", rng.pick(&SERVERS))),
            Place::Server => queue(format!("{topic}.{}", rng.pick(&SERVERS))),
            Place::Replies => queue(self.reply_queues[rng.below(self.reply_queues.len())].clone()),
            Place::Fanout => {
                let key = rng.pick(&[&b""[..], b"\xff", b"\0\xc3\x28\n", &[0xff; 255]]);
                let exchange = if native {
                    format!("rpc.fanout/{}", self.topic)
                } else {
                    format!("{topic}_fanout")
                };
                (exchange.into_bytes(), key.to_vec())
            }
        };
        let properties = draft.properties();
        let sent = self.publisher.publish(&exchange, &key, &properties, &draft.body);
        let sent = timeout(EVENT_TIMEOUT, sent).await.expect("the broker answers");
        if let Err(error) = sent {
            // It closes the channel over what it does not accept.
            println!("the broker refuses {kind}: {error}");
            self.publisher = publisher(self.node, &self.vhost).await;
            return;
        }
        published.accepted += 1;
        let deliveries = match place {
            Place::Replies => 0,
            Place::Fanout => SERVERS.len(),
            Place::Topic | Place::Server => 1,
        };
        published.to_servers += deliveries;
        published.may_expire += if draft.may_expire { deliveries } else { 0 };
    }

    /// Waits until the queues of the product hold no more messages than this, unacknowledged ones included.
    async fn until_queues_hold_at_most(&self, limit: usize) {
        let mut left = Vec::new();
        let emptied = async {
            loop {
                left = self.node.queues(&self.vhost).await.unwrap();
                left.retain(|queue| !SINKS.contains(&&*queue.name) && queue.name != "dead");
                if left.iter().map(|queue| queue.messages).sum::<usize>() <= limit {
                    return;
                }
                sleep(POLL).await;
            }
        };
        if timeout(EVENT_TIMEOUT, emptied).await.is_err() {
            panic!("not within {EVENT_TIMEOUT:?}: queues hold at most {limit} messages: {left:#?}");
        }
    }

    /// Asserts that each message that came to a server was served, or rejected and logged once with its reason.
    async fn assert_rejected_or_served(&self, published: &Published, by_callers: u64) {
        let sum = |count: fn(&Stats) -> u64| {
            usize::try_from(self.servers.iter().map(|it| count(&it.stats())).sum::<u64>()).unwrap()
        };
        let served = sum(|stats| stats.received) - usize::try_from(by_callers).unwrap();
        let (rejected, logged) =
            (sum(|stats| stats.undecodable), self.rejections("rejected a message"));
        assert_eq!(rejected, logged.len(), "each rejected message is counted and logged once");
        let expected = published.to_servers - published.may_expire..=published.to_servers;
        let accounted = rejected + served;
        assert!(
            expected.contains(&accounted),
            "{rejected} messages were rejected and {served} were served, of {published:?}"
        );
        for event in logged.iter().chain(&self.rejections("rejected a reply")) {
            assert!(
                event.fields.get("reason").is_some_and(|reason| !reason.is_empty()),
                "{event:?}"
            );
            let long = event.fields.iter().find(|(_, value)| value.len() > MAX_LOGGED);
            assert!(long.is_none(), "a field of the log takes {} bytes", long.unwrap().1.len());
        }
    }

    /// Returns the lines of the log about rejected messages of this environment's queues.
    pub fn rejections(&self, message: &str) -> Vec<Event> {
        let is_own = |text: &String| text.contains(&self.topic) || self.reply_queues.contains(text);
        let is_own = |event: &Event| {
            ["exchange", "routing_key"]
                .iter()
                .any(|name| event.fields.get(name).is_some_and(is_own))
        };
        let events = logs().events().into_iter();
        events.filter(|event| event.says(message) && is_own(event)).collect()
    }

    pub async fn end(self) {
        drop(self.client);
        for server in self.servers {
            server.stop();
            server.wait().await.unwrap();
        }
        for transport in self.transports {
            assert_eq!(transport.pending_calls(), 0, "calls still wait");
            transport.close().await;
        }
        self.node.delete_vhost(&self.vhost).await.unwrap();
    }
}

pub async fn publisher(node: &Node, vhost: &str) -> RawPublisher {
    RawPublisher::connect("127.0.0.1", node.port(), PUBLISHER, PUBLISHER, vhost).await.unwrap()
}

/// Declares the queues that are not the product's.
async fn declare_sinks(node: &Node, vhost: &str) {
    let url = node.url(UrlForm::Amqp, vhost);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    for queue in SINKS.into_iter().chain(["dead"]) {
        let mut arguments = FieldTable::default();
        if queue != "dead" {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(10));
        }
        let options = QueueDeclareOptions { durable: true, ..<_>::default() };
        channel.queue_declare(queue.into(), options, arguments).await.unwrap();
    }
    connection.close(200, "".into()).await.unwrap();
}
