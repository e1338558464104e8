//! The service that most of these tests run, and helpers to call it and to wait for its broker.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::server::StartError;
use rpc_core::{CallError, Context, RunningServer, Server, Target, endpoint};
pub use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, Proxy, UrlForm, permissive, shared};
use rpc_transport_amqp::AmqpTransport;
use tokio::time::timeout;

/// The timeout of calls that are expected to fail long before it.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);

pub struct Bank;

#[endpoint(client = pub BankClient)]
impl Bank {
    pub fn balance(&self, _ctx: &Context, account: String) -> usize {
        account.len()
    }
}

pub fn transport(url: &str) -> AmqpTransport {
    AmqpTransport::from_url(url).unwrap()
}

/// Starts the shared node, and creates this test's own virtual host.
pub async fn shared_with_vhost(vhost: &str) -> &'static Node {
    let node = shared().await.unwrap();
    node.create_vhost(vhost).await.unwrap();
    node
}

/// Starts the node that permits the queues of a Python server without options, and creates this test's own virtual host.
pub async fn permissive_with_vhost(vhost: &str) -> &'static Node {
    let node = permissive().await.unwrap();
    node.create_vhost(vhost).await.unwrap();
    node
}

/// Starts a proxy to the node, and returns the URL that leads through it.
pub async fn proxied(node: &Node, form: UrlForm, vhost: &str) -> (Proxy, String) {
    proxied_to(node, &node.url(form, vhost)).await
}

/// Starts a proxy to the node, and returns its URL with the proxy's port.
pub async fn proxied_to(node: &Node, url: &str) -> (Proxy, String) {
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, node.port()))).await.unwrap();
    let url = url.replace(&format!(":{}/", node.port()), &format!(":{}/", proxy.port()));
    (proxy, url)
}

pub fn bank() -> Target {
    Target::topic("bank")
}

pub fn client(transport: &AmqpTransport) -> BankClient {
    BankClient::new(transport.clone(), bank())
}

pub async fn try_serve(transport: &AmqpTransport) -> Result<RunningServer, StartError> {
    let server = Server::builder(transport.clone(), bank().server("one")).endpoint(Bank);
    server.build().unwrap().start().await
}

pub async fn serve(transport: &AmqpTransport) -> RunningServer {
    timeout(EVENT_TIMEOUT, try_serve(transport)).await.expect("the server starts soon").unwrap()
}

/// Makes a call, which must succeed.
pub async fn call(transport: &AmqpTransport) {
    let balance =
        client(transport).balance(&Context::new(), "ada".into()).timeout(EVENT_TIMEOUT).await;
    assert_eq!(balance.unwrap(), 3);
}

/// Starts a server and calls it over transports of their own.
pub async fn round_trip(url: &str) {
    let (serving, calling) = (transport(url), transport(url));
    let server = serve(&serving).await;
    call(&calling).await;
    server.stop();
    server.wait().await.unwrap();
}

/// Makes a call that must fail at once, certainly without having run, and returns the text of its error.
pub async fn refused(transport: &AmqpTransport) -> String {
    let began = Instant::now();
    let error = refused_within(transport, CALL_TIMEOUT).await;
    assert!(began.elapsed() < EVENT_TIMEOUT, "it took {:?}: {error}", began.elapsed());
    error
}

/// Makes a call that must fail before its timeout, certainly without having run, and returns the text of its error.
pub async fn refused_within(transport: &AmqpTransport, timeout: Duration) -> String {
    let called = client(transport).balance(&Context::new(), "ada".into()).timeout(timeout);
    let error = called.await.unwrap_err();
    let CallError::Transport(error) = error else { panic!("{error:?}") };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::Unavailable, Ran::No), "{error}");
    error.to_string()
}

/// Starts a server, which must fail, and returns the text of the error.
pub async fn refused_start(transport: &AmqpTransport) -> String {
    let started = timeout(EVENT_TIMEOUT, try_serve(transport)).await.expect("the start fails soon");
    started.unwrap_err().to_string()
}

/// Asserts that a text contains all of this.
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}
