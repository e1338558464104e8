//! Starts of servers that are given up half-way: nothing of them stays on the broker, where it would receive messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc_core::{Context, Server, Target, endpoint};
use rpc_tests::support::rabbitmq::{Node, QueueInfo, UrlForm};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;
use tokio::time::{sleep, timeout};

use crate::bank::{EVENT_TIMEOUT, shared_with_vhost, transport, until};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

/// How many starts are given up in each way and form.
const ATTEMPTS: usize = 300;

/// A start takes a few milliseconds. It is given up at any time within these.
const LONGEST: Duration = Duration::from_millis(15);

/// How many casts a server receives afterwards.
const CASTS: usize = 200;

/// An endpoint that counts what it receives.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

#[endpoint]
impl Count {
    pub fn add(&self, _ctx: &Context) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Does nothing: what is sent while servers start.
    pub fn ignore(&self, _ctx: &Context) {}
}

fn topic() -> Target {
    Target::topic("count")
}

fn server(transport: &AmqpTransport, name: &'static str, count: &Count) -> Server {
    let server = Server::builder(transport.clone(), topic().server(name)).endpoint(count.clone());
    server.build().unwrap()
}

/// How a start is given up.
#[derive(Debug, Clone, Copy)]
enum GiveUp {
    /// The future of `start` is dropped.
    DropStart,
    /// The future of `run_until` is dropped.
    DropRunUntil,
    /// The server is stopped by its handle.
    Stop,
}

impl GiveUp {
    /// Starts a server, and gives that up after `delay`. Returns whether it was soon enough.
    async fn attempt(self, server: Server, delay: Duration) -> bool {
        match self {
            Self::DropStart => timeout(delay, server.start()).await.is_err(),
            Self::DropRunUntil => {
                timeout(delay, server.run_until(std::future::pending::<()>())).await.is_err()
            }
            Self::Stop => {
                let stop = server.stop_handle();
                let stopped = async {
                    sleep(delay).await;
                    stop.stop();
                };
                let (started, ()) = tokio::join!(server.start(), stopped);
                started.is_err()
            }
        }
    }
}

/// Returns the queues that have a consumer, or are a single server's; but not those of replies.
async fn left(node: &Node, vhost: &str) -> Vec<QueueInfo> {
    let queues = node.queues(vhost).await.unwrap().into_iter();
    let of_a_server = |queue: &QueueInfo| queue.consumers > 0 || queue.name.contains("fanout");
    queues.filter(|queue| !queue.name.contains("reply") && of_a_server(queue)).collect()
}

/// Sends casts to whoever starts, until dropped. A message that was received holds what received it.
async fn send_all_the_time(client: CountClient) {
    loop {
        // While there is no queue, it fails.
        let _ = client.ignore(&Context::new()).cast().await;
        sleep(Duration::from_millis(1)).await;
    }
}

/// Gives up starts of servers, then has a server receive all that is sent.
async fn give_up(how: GiveUp, vhost: &str) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = SeededRng::new(seed);
    for form in FORMS {
        let vhost = format!("{vhost} {form:?}");
        let node = shared_with_vhost(&vhost).await;
        let transport = transport(&node.url(form, &vhost));
        let client = CountClient::new(transport.clone(), topic());
        let sender = tokio::spawn(send_all_the_time(client.clone()));
        let swallowed = Count::default();
        let mut given_up = 0;
        for _ in 0..ATTEMPTS {
            let delay = rng.between(Duration::ZERO, LONGEST);
            given_up +=
                usize::from(how.attempt(server(&transport, "gone", &swallowed), delay).await);
        }
        assert!(given_up > ATTEMPTS / 20, "{form:?}: only {given_up} starts were given up");
        until("nothing stays behind", async || left(node, &vhost).await.is_empty()).await;
        sender.abort();

        let count = Count::default();
        let running = server(&transport, "real", &count).start().await.unwrap();
        for _ in 0..CASTS {
            client.add(&Context::new()).cast().await.unwrap();
        }
        until("all casts have run", async || count.0.load(Ordering::Relaxed) == CASTS).await;
        assert_eq!(swallowed.0.load(Ordering::Relaxed), 0, "{form:?}");
        running.stop();
        timeout(EVENT_TIMEOUT, running.wait()).await.expect("the server ends soon").unwrap();
    }
}

#[tokio::test]
async fn a_start_that_is_dropped_leaves_nothing_behind() {
    give_up(GiveUp::DropStart, "dropped start").await;
}

#[tokio::test]
async fn a_run_that_is_dropped_while_it_starts_leaves_nothing_behind() {
    give_up(GiveUp::DropRunUntil, "dropped run").await;
}

#[tokio::test]
async fn a_server_that_is_stopped_while_it_starts_leaves_nothing_behind() {
    give_up(GiveUp::Stop, "stopped start").await;
}
