//! TLS: which brokers a client trusts, and which clients a broker trusts.

use std::fs;
use std::time::Duration;

use rpc_tests::support::certificates::{Authority, Signed};
use rpc_tests::support::rabbitmq::{Node, NodeOptions, Tls, UrlForm, shared, with_options};
use tokio::sync::OnceCell;

use crate::bank::{assert_says, refused, refused_start, refused_within, round_trip, transport};

/// A node with TLS. Clients and node have certificates of the same authority.
struct Secured {
    node: Node,
    authority: Authority,
}

impl Secured {
    async fn start(require_client_certificate: bool, sign: fn(&Authority) -> Signed) -> Self {
        let authority = Authority::new();
        let Signed { certificate, key } = sign(&authority);
        let (ca, verify_peer) = (authority.pem(), true);
        let tls = Some(Tls { ca, certificate, key, verify_peer, require_client_certificate });
        let node = Node::start(NodeOptions { tls, ..NodeOptions::default() }).await.unwrap();
        let secured = Self { node, authority };
        secured.write("authority.pem", &secured.authority.pem());
        secured
    }

    /// Returns the node that accepts clients with and without certificates.
    async fn lenient() -> &'static Self {
        static NODE: OnceCell<Secured> = OnceCell::const_new();
        NODE.get_or_init(async || Self::start(false, |a| a.sign("localhost")).await).await
    }

    /// Returns the node that accepts only clients with certificates.
    async fn strict() -> &'static Self {
        static NODE: OnceCell<Secured> = OnceCell::const_new();
        NODE.get_or_init(async || Self::start(true, |a| a.sign("localhost")).await).await
    }

    /// Writes a new file, and returns its path.
    fn write(&self, name: &str, pem: &str) -> String {
        let path = self.node.folder().join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    }

    fn ca_file(&self) -> String {
        self.node.folder().join("authority.pem").display().to_string()
    }

    /// Returns both forms of the URL, with options that mean the same.
    fn urls(&self, ca_file: &str) -> [String; 2] {
        let [native, oslo] = [UrlForm::Amqps, UrlForm::Rabbit].map(|form| self.node.url(form, "/"));
        let (plain, tls) = (self.node.port(), self.node.tls_port());
        let oslo = oslo.replace(&format!("127.0.0.1:{plain}/"), &format!("localhost:{tls}/"));
        [
            with_options(&native, &format!("ca_file={ca_file}")),
            with_options(&oslo, &format!("ssl=1&ssl_ca_file={ca_file}")),
        ]
    }
}

#[tokio::test]
async fn a_broker_whose_authority_is_known_is_trusted() {
    let secured = Secured::lenient().await;
    for url in secured.urls(&secured.ca_file()) {
        round_trip(&url).await;
    }
}

#[tokio::test]
async fn a_broker_whose_authority_is_unknown_is_refused() {
    let secured = Secured::lenient().await;
    let other = secured.write("other-authority.pem", &Authority::new().pem());
    for url in secured.urls(&other) {
        let transport = transport(&url);
        assert_says(&refused(&transport).await, &["certificate", "ca_file"]);
        assert_says(&refused_start(&transport).await, &["could not start", "certificate"]);
    }
}

#[tokio::test]
async fn a_broker_is_not_trusted_by_default() {
    let secured = Secured::lenient().await;
    let text = refused(&transport(&secured.node.url(UrlForm::Amqps, "/"))).await;
    assert_says(&text, &["certificate"]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_asked_for() {
    let secured = Secured::lenient().await;
    for url in secured.urls(&secured.ca_file()) {
        let url = url.replace("@localhost:", "@127.0.0.1:");
        let text = refused(&transport(&url)).await;
        assert_says(&text, &["certificate", "127.0.0.1", "localhost", "server_name"]);
        round_trip(&format!("{url}&server_name=localhost")).await;
        refused(&transport(&format!("{url}&server_name=example.org"))).await;
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let secured = Secured::start(false, |authority| authority.sign_expired("localhost")).await;
    for url in secured.urls(&secured.ca_file()) {
        assert_says(&refused(&transport(&url)).await, &["certificate", "expired"]);
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_to_a_broker_that_asks_for_it() {
    let secured = Secured::strict().await;
    let Signed { certificate, key } = secured.authority.sign("client");
    let both = secured.write("both.pem", &format!("{certificate}{key}"));
    let certificate = secured.write("client.pem", &certificate);
    let key = secured.write("client.key", &key);
    let [native, oslo] = secured.urls(&secured.ca_file());
    round_trip(&format!("{native}&cert_file={certificate}&key_file={key}")).await;
    round_trip(&format!("{oslo}&ssl_cert_file={certificate}&ssl_key_file={key}")).await;
    round_trip(&format!("{native}&cert_file={both}")).await;
}

#[tokio::test]
async fn a_client_without_certificate_is_told_that_the_broker_wants_one() {
    let secured = Secured::strict().await;
    for url in secured.urls(&secured.ca_file()) {
        let transport = transport(&url);
        assert_says(&refused(&transport).await, &["certificate", "cert_file"]);
        assert_says(&refused_start(&transport).await, &["certificate", "cert_file"]);
    }
}

#[tokio::test]
async fn a_client_whose_certificate_the_broker_does_not_know_is_refused() {
    let secured = Secured::strict().await;
    let Signed { certificate, key } = Authority::new().sign("client");
    let stranger = secured.write("stranger.pem", &format!("{certificate}{key}"));
    let [native, _] = secured.urls(&secured.ca_file());
    let text = refused(&transport(&format!("{native}&cert_file={stranger}"))).await;
    assert_says(&text, &["certificate", "the broker"]);
}

#[tokio::test]
async fn a_certificate_file_that_cannot_be_used_is_named() {
    let secured = Secured::lenient().await;
    let empty = secured.write("empty.pem", "");
    let [missing_ca, _] = secured.urls("/no/such.pem");
    assert_says(&refused(&transport(&missing_ca)).await, &["`/no/such.pem` cannot be read"]);
    let [empty_ca, _] = secured.urls(&empty);
    assert_says(&refused(&transport(&empty_ca)).await, &["empty.pem` holds no certificate"]);
    let [native, _] = secured.urls(&secured.ca_file());
    let certificate = secured.write("keyless.pem", &secured.authority.sign("client").certificate);
    let text = refused(&transport(&format!("{native}&cert_file={certificate}"))).await;
    assert_says(&text, &["keyless.pem` holds no private key"]);
}

#[tokio::test]
async fn who_does_not_speak_tls_to_its_port_is_told_to() {
    let secured = Secured::lenient().await;
    for url in secured.urls(&secured.ca_file()) {
        let plain = url.replace("amqps://", "amqp://");
        let (plain, _) = plain.split_once('?').unwrap();
        // The broker answers with a TLS alert and closes the connection, with which the alert may be lost. Then the transport
        // connects again after its backoff. So the test waits for the attempt that receives the alert, however many it takes.
        let text = refused_within(&transport(plain), Duration::from_secs(600)).await;
        assert_says(&text, &["TLS", "amqps://", "ssl=1"]);
    }
}

#[tokio::test]
async fn who_speaks_tls_to_a_port_without_it_is_told_not_to() {
    let node = shared().await.unwrap();
    let port = node.port();
    for url in [
        format!("amqps://guest:guest@localhost:{port}/"),
        format!("rabbit://guest:guest@localhost:{port}/?ssl=1"),
    ] {
        let text = refused(&transport(&url)).await;
        assert_says(&text, &["TLS", "amqp://"]);
    }
}
