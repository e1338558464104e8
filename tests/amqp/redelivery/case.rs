//! A virtual host, a kind of queues and a form of the protocol.

use rpc_core::server::{AckMode, Concurrency};
use rpc_core::{RunningServer, Server, Target};
use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::{Node, UrlForm, shared, with_options};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;

use crate::service::{Log, Service, ServiceClient};

pub(crate) const TOPIC: &str = "jobs";

/// The kinds of queues, as options of a URL.
pub(crate) const QUEUES: [&str; 2] = ["", "quorum=true"];
pub(crate) const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

pub(crate) struct Case<'n> {
    pub(crate) node: &'n Node,
    pub(crate) vhost: String,
    pub(crate) url: String,
    pub(crate) log: Log,
}

impl Case<'static> {
    pub(crate) async fn new(name: &str, form: UrlForm, queues: &str) -> Self {
        Case::on(shared().await.unwrap(), name, form, queues).await
    }
}

impl<'n> Case<'n> {
    pub(crate) async fn on(node: &'n Node, name: &str, form: UrlForm, queues: &str) -> Self {
        let vhost = format!("{name} {form:?} {queues}");
        node.create_vhost(&vhost).await.unwrap();
        let url = with_options(&node.url(form, &vhost), queues);
        Self { node, vhost, url, log: Log::default() }
    }

    pub(crate) fn transport(&self) -> AmqpTransport {
        AmqpTransport::from_url(&self.url).unwrap()
    }

    pub(crate) fn client(&self) -> ServiceClient {
        ServiceClient::new(self.transport(), Target::topic(TOPIC))
    }

    /// Starts a server on a transport of its own.
    pub(crate) async fn serve(
        &self,
        name: &'static str,
        mode: AckMode,
        tasks: usize,
    ) -> RunningServer {
        let service = Service { server: name, log: self.log.clone() };
        let server = Server::builder(self.transport(), Target::topic(TOPIC).server(name));
        let server = server.endpoint(service).ack_mode(mode).concurrency(Concurrency::Limit(tasks));
        server.build().unwrap().start().await.unwrap()
    }

    /// Waits until the topic's queue is empty.
    pub(crate) async fn until_drained(&self) {
        until("the queues are empty", async || {
            let queues = self.node.queues(&self.vhost).await.unwrap();
            let topic = |name: &str| name == TOPIC || name == format!("rpc/{TOPIC}");
            queues.iter().any(|queue| topic(&queue.name))
                && queues.iter().all(|queue| !topic(&queue.name) || queue.messages == 0)
        })
        .await;
    }
}

/// Returns a source of random numbers, and prints its seed.
pub(crate) fn seeded() -> SeededRng {
    let given = std::env::var("RPC_REDELIVERY_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(|| fastrand::u64(..100_000));
    println!("RPC_REDELIVERY_SEED={seed}");
    SeededRng::new(seed)
}
