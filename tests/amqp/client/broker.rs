//! Brokers for these tests, and connections to them.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{
    Channel, Connection, DeclaredQueue, Error, FieldTable, Login, Options, QueueDeclare,
};
use rpc_tests::support::certificates::{Authority, Signed};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, NodeOptions, Tls, shared};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How many channels the node that has them limited grants.
pub const CHANNEL_MAX: u16 = 7;

/// The smallest frame that all brokers accept: RabbitMQ resets the connection of who asks for a smaller one since 4.1, where the
/// specification has 4,096.
pub const SMALLEST_FRAME: u32 = 8192;

/// How long an event may take that comes after thousands of messages.
pub const BULK_TIMEOUT: Duration = Duration::from_secs(120);

pub static NO_ARGUMENTS: FieldTable = FieldTable::new();

/// A queue as every broker accepts it: some refuse transient ones.
pub const QUEUE: QueueDeclare<'static> = QueueDeclare {
    name: "",
    passive: false,
    durable: true,
    exclusive: false,
    auto_delete: false,
    arguments: &NO_ARGUMENTS,
};

/// A virtual host of a node.
#[derive(Clone)]
pub struct Broker {
    pub node: &'static Node,
    pub vhost: String,
}

/// A node that tests use one after the other, as they pause it or have it block publishers.
struct Disturbed {
    node: Node,
    authority: Authority,
    turn: Mutex<()>,
}

impl Disturbed {
    async fn get() -> &'static Self {
        static NODE: OnceCell<Disturbed> = OnceCell::const_new();
        let start = async || {
            let authority = Authority::new();
            let Signed { certificate, key } = authority.sign("localhost");
            let tls = Tls {
                ca: authority.pem(),
                certificate,
                key,
                verify_peer: false,
                require_client_certificate: false,
            };
            let settings = vec![format!("channel_max = {CHANNEL_MAX}")];
            let tls = Some(tls);
            let options = NodeOptions { tls, settings, ..NodeOptions::default() };
            let node = Node::start(options).await.unwrap();
            Self { node, authority, turn: Mutex::new(()) }
        };
        NODE.get_or_init(start).await
    }
}

impl Broker {
    /// Creates a virtual host of the node that all tests share.
    pub async fn shared(vhost: &str) -> Self {
        Self::create(shared().await.unwrap(), vhost).await
    }

    /// Creates a virtual host of the node that the test has for itself while it keeps the guard.
    pub async fn alone(vhost: &str) -> (Self, MutexGuard<'static, ()>) {
        let disturbed = Disturbed::get().await;
        let turn = disturbed.turn.lock().await;
        // A test that failed may have left it paused or blocked.
        disturbed.node.resume().await.unwrap();
        disturbed.node.alarm(false).await.unwrap();
        (Self::create(&disturbed.node, vhost).await, turn)
    }

    async fn create(node: &'static Node, vhost: &str) -> Self {
        node.create_vhost(vhost).await.unwrap();
        Self { node, vhost: vhost.to_owned() }
    }

    pub fn options(&self) -> Options {
        let login = Login::Plain { user: "guest".into(), password: "guest".into() };
        Options { virtual_host: self.vhost.clone(), ..Options::new(login) }
    }

    /// Opens a connection with the default settings.
    pub async fn connect(&self) -> Connection {
        self.open(&self.options()).await.unwrap()
    }

    pub async fn open(&self, options: &Options) -> Result<Connection, Error> {
        open(self.node.port(), options).await
    }

    /// Opens a connection over TLS; only with [`alone`](Self::alone).
    pub async fn open_tls(&self, options: &Options) -> Result<Connection, Error> {
        let ca = CertificateDer::from_pem_slice(Disturbed::get().await.authority.pem().as_bytes());
        let mut roots = RootCertStore::empty();
        roots.add(ca.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", self.node.tls_port())).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        in_time("the handshake", Connection::open(stream, options)).await
    }

    /// Returns how many messages a queue has, ready or delivered and not acknowledged.
    pub async fn messages(&self, queue: &str) -> usize {
        let queues = self.node.queues(&self.vhost).await.unwrap();
        queues.iter().find(|it| it.name == queue).map(|it| it.messages).unwrap()
    }

    /// Waits until the broker has no channel in this virtual host.
    pub async fn until_no_channel_is_open(&self) {
        until("no channel is open", async || {
            let channels = self.node.channels().await.unwrap();
            channels.iter().all(|channel| channel.vhost != self.vhost)
        })
        .await;
    }
}

/// Opens a connection to this port of the machine.
pub async fn open(port: u16, options: &Options) -> Result<Connection, Error> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    in_time("the handshake", Connection::open(stream, options)).await
}

/// Declares a queue.
pub async fn declare(channel: &Channel, name: &str) -> Result<DeclaredQueue, Error> {
    in_time("a declaration", channel.queue_declare(&QueueDeclare { name, ..QUEUE })).await
}

/// Declares a queue that must exist.
pub async fn declare_passively(channel: &Channel, name: &str) -> Result<DeclaredQueue, Error> {
    let queue = QueueDeclare { name, passive: true, ..QUEUE };
    in_time("a passive declaration", channel.queue_declare(&queue)).await
}

/// Waits for an event on a busy machine.
pub async fn in_time<T>(what: &str, event: impl Future<Output = T>) -> T {
    within(EVENT_TIMEOUT, what, event).await
}

pub async fn within<T>(limit: Duration, what: &str, event: impl Future<Output = T>) -> T {
    match timeout(limit, event).await {
        Ok(value) => value,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}

/// Returns the seed that decides what happens, and prints it.
pub fn seed() -> u64 {
    let given = std::env::var("RPC_FAULT_SEED").ok().map(|seed| seed.parse().unwrap());
    // Five digits are enough, and can be typed.
    let seed = given.unwrap_or_else(|| fastrand::u64(..100_000));
    println!("RPC_FAULT_SEED={seed}");
    seed
}
