//! Fanouts from a stream that all servers of a topic read.

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rpc_core::server::{AckMode, Concurrency};
use rpc_core::{Context, RunningServer, Server, Target, Transport, endpoint};
use rpc_tests::support::rabbitmq::{Cut, Node, NodeOptions, Proxy, UrlForm, with_options};
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::bank::{
    EVENT_TIMEOUT, assert_says, proxied_to, refused_start, serve, shared_with_vhost, transport,
    until,
};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

/// Reports what it is called with, then waits until the barrier opens.
struct Listener {
    told: mpsc::UnboundedSender<u32>,
    barrier: watch::Receiver<bool>,
}

#[endpoint(client = ListenerClient)]
impl Listener {
    pub async fn hear(&self, _ctx: &Context, number: u32) {
        let _ = self.told.send(number);
        let _ = self.barrier.clone().wait_for(|open| *open).await;
    }
}

/// A server, and what its method has reported.
struct Heard {
    server: RunningServer,
    told: mpsc::UnboundedReceiver<u32>,
    barrier: watch::Sender<bool>,
}

impl Heard {
    async fn start(transport: &AmqpTransport, name: &str, ack_mode: AckMode) -> Self {
        let (teller, told) = mpsc::unbounded_channel();
        let barrier = watch::Sender::new(true);
        let listener = Listener { told: teller, barrier: barrier.subscribe() };
        let server = Server::builder(transport.clone(), topic().server(name.to_owned()));
        let server =
            server.endpoint(listener).ack_mode(ack_mode).concurrency(Concurrency::Limit(2));
        Self { server: server.build().unwrap().start().await.unwrap(), told, barrier }
    }

    /// Returns the next numbers that it was called with.
    async fn next(&mut self, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            match timeout(EVENT_TIMEOUT, self.told.recv()).await {
                Ok(Some(number)) => numbers.push(number),
                _ => panic!("after {numbers:?} there came no other one"),
            }
        }
        numbers.sort_unstable();
        numbers
    }

    async fn stop(self) {
        self.server.stop();
        self.server.wait().await.unwrap();
    }
}

fn topic() -> Target {
    Target::topic("news")
}

/// Returns the URL of servers and clients of a stream.
fn url(node: &Node, form: UrlForm, vhost: &str) -> String {
    let options = match form {
        UrlForm::Rabbit => {
            "use_queue_manager=true&rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true\
             &rabbit_stream_fanout=true"
        }
        _ => "stream_fanout=true",
    };
    with_options(&node.url_without_options(form, vhost), options)
}

/// Returns the name of the stream, which is that of its exchange.
fn stream(form: UrlForm) -> &'static str {
    match form {
        UrlForm::Rabbit => "news_fanout",
        _ => "rpc.fanout/news",
    }
}

async fn tell_all(client: &ListenerClient, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        client.hear(&Context::new(), number).fanout().await.unwrap();
    }
}

/// Cuts the server's connections, and has them fail until [`Proxy::accept`].
async fn cut_off(proxy: &Proxy) {
    proxy.refuse();
    proxy.cut(Cut::Reset);
    until("the connections are gone", async || proxy.open_links() == 0).await;
}

#[tokio::test]
async fn fanouts_sent_while_a_connection_is_lost_run_once_each() {
    let modes = [AckMode::BeforeInvoke, AckMode::Confirmed, AckMode::AfterReply];
    for (number, (form, mode)) in
        FORMS.into_iter().flat_map(|form| modes.map(|mode| (form, mode))).enumerate()
    {
        let vhost = format!("stream lost {number}");
        let node = shared_with_vhost(&vhost).await;
        let url = url(node, form, &vhost);
        let (proxy, through) = proxied_to(node, &url).await;
        let (serving, calling) = (transport(&through), transport(&url));
        let client = ListenerClient::new(calling.clone(), topic());
        let mut heard = Heard::start(&serving, "one", mode).await;
        tell_all(&client, 0..10).await;
        assert_eq!(heard.next(10).await, Vec::from_iter(0..10), "{form:?} {mode:?}");
        // Two run, and others wait for a permit, or at the broker.
        heard.barrier.send_replace(false);
        tell_all(&client, 10..20).await;
        assert_eq!(heard.next(2).await, [10, 11]);
        for round in 0..3 {
            let first = 20 + 10 * round;
            cut_off(&proxy).await;
            tell_all(&client, first..first + 10).await;
            proxy.accept();
            until("it is connected", async || proxy.open_links() > 0).await;
        }
        heard.barrier.send_replace(true);
        assert_eq!(heard.next(38).await, Vec::from_iter(12..50), "{form:?} {mode:?}");
        tell_all(&client, [50]).await;
        assert_eq!(heard.next(1).await, [50], "{form:?} {mode:?}");
        heard.stop().await;
        calling.close().await;
    }
}

#[tokio::test]
async fn a_server_runs_no_fanout_from_before_its_start() {
    for (form, vhost) in FORMS.into_iter().zip(["stream start native", "stream start oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let url = url(node, form, vhost);
        let (proxy, through) = proxied_to(node, &url).await;
        let (serving, calling) = (transport(&url), transport(&url));
        let client = ListenerClient::new(calling.clone(), topic());
        let mut first = Heard::start(&serving, "one", AckMode::default()).await;
        tell_all(&client, 0..5).await;
        assert_eq!(first.next(5).await, Vec::from_iter(0..5));
        let later = transport(&through);
        let mut second = Heard::start(&later, "two", AckMode::default()).await;
        // The broker counts in whole seconds where a server that has received nothing goes on.
        sleep(Duration::from_millis(1100)).await;
        cut_off(&proxy).await;
        tell_all(&client, [5]).await;
        proxy.accept();
        assert_eq!(second.next(1).await, [5], "{form:?}");
        tell_all(&client, [6]).await;
        assert_eq!((first.next(2).await, second.next(1).await), (vec![5, 6], vec![6]));
        second.stop().await;
        first.stop().await;
        calling.close().await;
    }
}

#[tokio::test]
async fn a_server_that_ends_leaves_the_stream_to_the_others() {
    for (form, vhost) in FORMS.into_iter().zip(["stream end native", "stream end oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let url = url(node, form, vhost);
        let (leaving, serving) = (transport(&url), transport(&url));
        let client = ListenerClient::new(serving.clone(), topic());
        let first = Heard::start(&leaving, "one", AckMode::default()).await;
        let mut second = Heard::start(&serving, "two", AckMode::default()).await;
        first.stop().await;
        leaving.close().await;
        tell_all(&client, 0..3).await;
        assert_eq!(second.next(3).await, [0, 1, 2]);
        second.stop().await;
        serving.close().await;
        let queues = node.queues(vhost).await.unwrap();
        let fanouts: Vec<_> =
            queues.into_iter().filter(|queue| queue.name.contains("fanout")).collect();
        let [queue] = &*fanouts else { panic!("{fanouts:?}") };
        assert_eq!(queue.name, stream(form));
        assert!(queue.durable && !queue.exclusive && !queue.auto_delete, "{queue:?}");
        let arguments = queue.arguments.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let expected = [("x-max-age", "1800s"), ("x-queue-type", "stream")];
        assert_eq!(arguments.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_fanout_over_a_stream_without_servers_succeeds() {
    for (form, vhost) in FORMS.into_iter().zip(["stream alone native", "stream alone oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let transport = transport(&url(node, form, vhost));
        let client = ListenerClient::new(transport.clone(), topic());
        let error = client.hear(&Context::new(), 0).fanout().await.unwrap_err();
        assert!(error.is_missing_server(), "{error}");
        Heard::start(&transport, "one", AckMode::default()).await.stop().await;
        tell_all(&client, [1]).await;
        let mut heard = Heard::start(&transport, "one", AckMode::default()).await;
        tell_all(&client, [2]).await;
        assert_eq!(heard.next(1).await, [2]);
        heard.stop().await;
        transport.close().await;
    }
}

/// RabbitMQ 3 closes the connection over a nack or a reject of a message from a stream.
#[tokio::test]
async fn fanouts_that_cannot_be_decoded_cost_nothing_else() {
    for (form, vhost) in FORMS.into_iter().zip(["stream poison native", "stream poison oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let url = url(node, form, vhost);
        let (proxy, through) = proxied_to(node, &url).await;
        let (serving, calling) = (transport(&through), transport(&url));
        let client = ListenerClient::new(calling.clone(), topic());
        let mut heard = Heard::start(&serving, "one", AckMode::default()).await;
        let links = proxy.links();
        let raw = node.url(UrlForm::Amqp, vhost);
        let raw = Connection::connect(&raw, ConnectionProperties::default()).await.unwrap();
        let channel = raw.create_channel().await.unwrap();
        for _ in 0..20 {
            let properties =
                BasicProperties::default().with_content_type("application/json".into());
            let published = channel.basic_publish(
                stream(form).into(),
                "news".into(),
                BasicPublishOptions::default(),
                b"{",
                properties,
            );
            published.await.unwrap();
        }
        tell_all(&client, 0..3).await;
        assert_eq!(heard.next(3).await, [0, 1, 2]);
        assert_eq!(proxy.links(), links);
        heard.stop().await;
        calling.close().await;
    }
}

#[tokio::test]
async fn a_server_goes_on_after_its_stream_was_deleted() {
    for (form, vhost) in FORMS.into_iter().zip(["stream gone native", "stream gone oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let url = url(node, form, vhost);
        let (serving, calling) = (transport(&url), transport(&url));
        let client = ListenerClient::new(calling.clone(), topic());
        let mut heard = Heard::start(&serving, "one", AckMode::default()).await;
        tell_all(&client, 0..5).await;
        assert_eq!(heard.next(5).await, Vec::from_iter(0..5));
        node.ctl(&["delete_queue", "-p", vhost, stream(form)]).await.unwrap();
        // Without the queue the exchange is gone, too.
        until("a fanout finds the server again", async || {
            client.hear(&Context::new(), 5).fanout().await.is_ok()
        })
        .await;
        assert_eq!(heard.next(1).await, [5]);
        tell_all(&client, [6]).await;
        assert_eq!(heard.next(1).await, [6]);
        heard.stop().await;
        calling.close().await;
    }
}

/// RabbitMQ refuses to declare and to consume a stream that it has not started yet.
#[tokio::test]
async fn a_server_goes_on_with_its_stream_after_the_broker_was_restarted() {
    let node = Node::start(NodeOptions::default()).await.unwrap();
    for (form, vhost) in FORMS.into_iter().zip(["native", "oslo"]) {
        node.create_vhost(vhost).await.unwrap();
        let url = url(&node, form, vhost);
        let (serving, calling) = (transport(&url), transport(&url));
        let client = ListenerClient::new(calling.clone(), topic());
        let mut heard = Heard::start(&serving, "one", AckMode::default()).await;
        tell_all(&client, 0..5).await;
        assert_eq!(heard.next(5).await, Vec::from_iter(0..5));
        node.stop().await.unwrap();
        node.restart().await.unwrap();
        until("the broker takes fanouts again", async || {
            client.hear(&Context::new(), 5).fanout().timeout(EVENT_TIMEOUT).await.is_ok()
        })
        .await;
        tell_all(&client, [6]).await;
        let mut numbers = Vec::new();
        while numbers.last() != Some(&6) {
            numbers.extend(heard.next(1).await);
        }
        // One that has failed before may have run, too.
        assert!(numbers.len() >= 2, "{numbers:?}");
        assert!(numbers.iter().all(|number| [5, 6].contains(number)), "{numbers:?}");
        heard.stop().await;
        calling.close().await;
        serving.close().await;
    }
}

#[tokio::test]
async fn servers_that_disagree_about_the_stream_are_told() {
    let vhost = "stream disagreement";
    let node = shared_with_vhost(vhost).await;
    let with_age = |age: &str| {
        let url = with_options(&node.url(UrlForm::Amqp, vhost), "stream_fanout=true");
        transport(&format!("{url}&transient_ttl={age}"))
    };
    let server = serve(&with_age("600")).await;
    let text = refused_start(&with_age("900")).await;
    assert_says(&text, &["rpc.fanout/bank", "x-max-age", "stream and its age"]);
    server.stop();
    server.wait().await.unwrap();
}
