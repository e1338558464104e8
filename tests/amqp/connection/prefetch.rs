//! How many messages a server prefetches, and what becomes of them when it stops.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lapin::protocol::{AMQPClass, basic};
use rpc_core::server::{AckMode, Concurrency};
use rpc_core::{Context, RunningServer, Server, Transport, endpoint};
use rpc_tests::support::rabbitmq::{Node, UrlForm, with_options};
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::bank::{EVENT_TIMEOUT, bank, proxied, shared_with_vhost, transport, until};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

/// An endpoint that records which customers it serves, and waits until the barrier opens.
struct Counter {
    name: &'static str,
    ran: Arc<Mutex<HashMap<usize, Vec<&'static str>>>>,
    running: Arc<AtomicUsize>,
    barrier: watch::Receiver<bool>,
}

#[endpoint(client = CounterClient)]
impl Counter {
    pub async fn serve(&self, _ctx: &Context, customer: usize) -> String {
        self.ran.lock().unwrap().entry(customer).or_default().push(self.name);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _ = self.barrier.clone().wait_for(|open| *open).await;
        self.name.to_owned()
    }
}

/// The state that the counters of a test share.
struct CounterGroup {
    ran: Arc<Mutex<HashMap<usize, Vec<&'static str>>>>,
    running: Arc<AtomicUsize>,
    barrier: watch::Sender<bool>,
}

impl CounterGroup {
    fn new() -> Self {
        Self { ran: Arc::default(), running: Arc::default(), barrier: watch::Sender::new(false) }
    }

    async fn open(
        &self,
        transport: &AmqpTransport,
        name: &'static str,
        tasks: usize,
        acknowledge: AckMode,
    ) -> RunningServer {
        let counter = Counter {
            name,
            ran: Arc::clone(&self.ran),
            running: Arc::clone(&self.running),
            barrier: self.barrier.subscribe(),
        };
        let server = Server::builder(transport.clone(), bank().server(name)).endpoint(counter);
        let server = server.concurrency(Concurrency::Limit(tasks)).ack_mode(acknowledge);
        server.build().unwrap().start().await.unwrap()
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

/// Returns how many messages the topic's queue holds, and how many of them are unacknowledged.
async fn queue(node: &Node, vhost: &str) -> (usize, usize) {
    let queues = node.queues(vhost).await.unwrap();
    let queue = queues.iter().find(|queue| ["bank", "rpc/bank"].contains(&queue.name.as_str()));
    queue.map_or((0, 0), |queue| (queue.messages, queue.unacknowledged))
}

#[tokio::test]
async fn prefetch_is_what_may_wait_or_what_may_run() {
    let cases = [
        ("prefetch 1", AckMode::BeforeInvoke, 64, "prefetch=5", 5),
        ("prefetch 2", AckMode::BeforeInvoke, 3, "prefetch=5", 3),
        ("prefetch 3", AckMode::BeforeInvoke, 100, "", 64),
        ("prefetch 4", AckMode::AfterReply, 64, "prefetch=5", 64),
        ("prefetch 5", AckMode::AfterReply, 3, "", 3),
    ];
    for (vhost, acknowledge, tasks, options, prefetch) in cases {
        for form in FORMS {
            let vhost = format!("{vhost} {form:?}");
            let node = shared_with_vhost(&vhost).await;
            let (proxy, url) = proxied(node, form, &vhost).await;
            let transport = transport(&with_options(&url, options));
            let server = CounterGroup::new().open(&transport, "one", tasks, acknowledge).await;
            let methods = proxy.methods();
            // The channel with three consumers is the server's; the other one is of replies.
            let place = |topic: &str| {
                let consumes = methods.iter().find(|method| match &method.class {
                    AMQPClass::Basic(basic::AMQPMethod::Consume(it)) => it.queue.as_str() == topic,
                    _ => false,
                });
                consumes.map(|method| (method.link, method.channel))
            };
            let server_channel = place("bank").or_else(|| place("rpc/bank")).unwrap();
            let limits = methods.iter().filter_map(|method| match &method.class {
                AMQPClass::Basic(basic::AMQPMethod::Qos(qos)) => {
                    ((method.link, method.channel) == server_channel).then_some(qos.prefetch_count)
                }
                _ => None,
            });
            assert_eq!(limits.collect::<Vec<_>>(), [prefetch], "{vhost}");
            server.stop();
            server.wait().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_waits_at_a_server_that_stops_runs_at_another_one_exactly_once() {
    for (tasks, prefetch, waiting) in [(2, 64, 2), (8, 3, 3)] {
        for form in FORMS {
            return_prefetched(tasks, prefetch, waiting, form).await;
        }
    }
}

/// Makes more calls than a server runs and prefetches, then stops it and starts another one.
async fn return_prefetched(tasks: usize, prefetch: usize, waiting: usize, form: UrlForm) {
    const CALLS: usize = 20;
    let vhost = format!("returned {form:?} {tasks}");
    let node = shared_with_vhost(&vhost).await;
    let url = with_options(&node.url(form, &vhost), &format!("prefetch={prefetch}"));
    let (first, second, calling) = (transport(&url), transport(&url), transport(&url));
    let group = CounterGroup::new();
    let one = group.open(&first, "one", tasks, AckMode::BeforeInvoke).await;

    let client = CounterClient::new(calling.clone(), bank());
    let calls: Vec<_> = (0..CALLS)
        .map(|customer| {
            let call = client.serve(&Context::new(), customer).timeout(EVENT_TIMEOUT * 2);
            tokio::spawn(call)
        })
        .collect();
    let left = CALLS - tasks;
    until("some run and some wait", async || {
        group.running() == tasks && queue(node, &vhost).await == (left, waiting)
    })
    .await;
    // It stays so.
    for _ in 0..10 {
        assert_eq!(queue(node, &vhost).await, (left, waiting));
        sleep(Duration::from_millis(20)).await;
    }

    one.stop();
    until("what was prefetched is returned to the queue", async || {
        queue(node, &vhost).await == (left, 0)
    })
    .await;
    let two = group.open(&second, "two", 4, AckMode::BeforeInvoke).await;
    until("four more run", async || group.running() == tasks + 4).await;
    group.barrier.send_replace(true);
    let mut by = HashMap::<String, usize>::new();
    for call in calls {
        *by.entry(call.await.unwrap().unwrap()).or_default() += 1;
    }
    assert_eq!(by, HashMap::from([("one".to_owned(), tasks), ("two".to_owned(), left)]));
    let ran = group.ran.lock().unwrap().clone();
    assert!(ran.len() == CALLS && ran.values().all(|by| by.len() == 1), "{ran:?}");
    let stats = two.stats();
    assert_eq!((stats.redelivered, stats.already_begun), (waiting as u64, 0));
    one.wait().await.unwrap();
    two.stop();
    two.wait().await.unwrap();
    assert_eq!(queue(node, &vhost).await, (0, 0));
    for transport in [first, second, calling] {
        transport.close().await;
    }
}

#[tokio::test]
async fn after_reply_what_runs_is_unacknowledged_and_nothing_waits() {
    for form in FORMS {
        let vhost = format!("at work {form:?}");
        let node = shared_with_vhost(&vhost).await;
        let (serving, calling) =
            (transport(&node.url(form, &vhost)), transport(&node.url(form, &vhost)));
        let group = CounterGroup::new();
        let server = group.open(&serving, "one", 3, AckMode::AfterReply).await;
        let client = CounterClient::new(calling.clone(), bank());
        for customer in 0..8 {
            client.serve(&Context::new(), customer).cast().await.unwrap();
        }
        until("three run", async || group.running() == 3).await;
        assert_eq!(queue(node, &vhost).await, (8, 3));
        group.barrier.send_replace(true);
        until("all have run", async || queue(node, &vhost).await == (0, 0)).await;
        assert_eq!(group.running(), 8);
        server.stop();
        server.wait().await.unwrap();
    }
}
