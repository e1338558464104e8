//! Passwords stay between the URL and the broker.

use std::error::Error;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rpc_core::{Context, Server, Transport};
use rpc_tests::rabbit::{Cut, UrlForm};
use rpc_transport_amqp::{AmqpBuilder, AmqpTransport};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::bank::{
    Bank, bank, call, client, proxied, serve, shared_with_vhost, transport, try_serve, until,
};

/// No other test has them. Written as in URLs, and as they are.
const WRITTEN: [&str; 2] = ["hunter2%2FZq9", "swordfish%40Vx4"];
const SECRETS: [&str; 2] = ["hunter2/Zq9", "swordfish@Vx4"];

/// Reads everything that any thread of the process logs, the client library's own lines included, and keeps those with a
/// secret in them.
#[derive(Default)]
struct Censor {
    found: Mutex<Vec<String>>,
    /// Lines of the transport, and of the client library.
    ours: AtomicU64,
    theirs: AtomicU64,
}

/// Where a secret stands in a text in some form, that form.
fn leak(text: &str) -> Option<String> {
    SECRETS.iter().chain(&WRITTEN).find_map(|secret| {
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        [secret, bytes].into_iter().find(|form| text.contains(form)).map(str::to_owned)
    })
}

impl Censor {
    /// That of the process.
    fn on_duty() -> &'static Self {
        static CENSOR: OnceLock<Censor> = OnceLock::new();
        let mut begins = false;
        let censor = CENSOR.get_or_init(|| {
            begins = true;
            Censor::default()
        });
        if begins {
            tracing::subscriber::set_global_default(OfAllThreads(censor)).unwrap();
        }
        censor
    }

    fn read(&self, target: &str, record: impl FnOnce(&mut Text)) {
        let mut text = Text(String::new());
        record(&mut text);
        let whose = if target.starts_with("rpc_") { &self.ours } else { &self.theirs };
        whose.fetch_add(1, Ordering::Relaxed);
        if leak(&text.0).is_some() {
            let line = format!("{target} {}", text.0);
            self.found.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// That there was much to read, and nothing to keep.
    fn assert_nothing_found(&self) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(found.is_empty(), "{found:#?}");
        let (ours, theirs) =
            (self.ours.load(Ordering::Relaxed), self.theirs.load(Ordering::Relaxed));
        assert!(ours > 3 && theirs > 100, "read only {ours} of our lines and {theirs} of others");
    }
}

struct OfAllThreads(&'static Censor);

impl Subscriber for OfAllThreads {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.0.read(attributes.metadata().target(), |text| attributes.record(text));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.0.read("a span's field", |text| values.record(text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.read(event.metadata().target(), |text| event.record(text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{field}={value} ");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

fn assert_silent(shown: &(impl fmt::Debug + ?Sized)) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert_eq!(leak(&text), None, "{text}");
    }
}

/// That neither the error nor what caused it tells a secret.
fn assert_error_silent(error: &(dyn Error + 'static)) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        assert_eq!(leak(&error.to_string()), None);
        assert_silent(error);
        cause = error.source();
    }
}

/// A URL with users whose passwords are the secrets, for one host that it names twice.
fn secret_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, rest) = rest.split_once('@').unwrap();
    let (host, rest) = rest.split_once('/').unwrap();
    let [one, other] = WRITTEN;
    format!("{scheme}://gil:{one}@{host},hal:{other}@{host}/{rest}")
}

/// Whatever fails, fails without saying a secret.
async fn fail(transport: &AmqpTransport) {
    let error = client(transport).balance(&Context::new(), "ada".into()).await.unwrap_err();
    assert_error_silent(&error);
    assert_error_silent(&try_serve(transport).await.unwrap_err());
    assert_silent(transport);
}

#[tokio::test]
async fn no_log_no_error_and_no_debug_output_tells_a_password() {
    let censor = Censor::on_duty();
    let node = shared_with_vhost("secrets").await;
    node.create_vhost("other secrets").await.unwrap();
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (proxy, url) = proxied(node, form, "secrets").await;
        let login = if form == UrlForm::Rabbit { "AMQPLAIN" } else { "PLAIN" };
        let url = format!("{}?login={login}", secret_url(&url));
        let builder = AmqpBuilder::from_url(&url).unwrap();
        assert_silent(&builder);
        // Nobody knows these users.
        fail(&builder.build()).await;
        for (user, password) in [("gil", SECRETS[0]), ("hal", SECRETS[1])] {
            if form == UrlForm::Amqp {
                node.add_user(user, password).await.unwrap();
            }
            node.allow(user, "secrets", [".*"; 3]).await.unwrap();
        }
        // They have no part in this virtual host.
        fail(&transport(&url.replace("/secrets", "/other%20secrets"))).await;
        // And here all is well, but for the connection, which is cut.
        let transport = transport(&url);
        let server = serve(&transport).await;
        call(&transport).await;
        proxy.cut(Cut::Reset);
        until("it works again", async || {
            client(&transport).balance(&Context::new(), "ada".into()).await.is_ok()
        })
        .await;
        assert_silent(&transport);
        assert_silent(&Server::builder(transport.clone(), bank().server("two")).endpoint(Bank));
        assert_silent(&client(&transport));
        server.stop();
        server.wait().await.unwrap();
        transport.close().await;
        // The users may not declare anything any more.
        node.allow("gil", "secrets", ["^$"; 3]).await.unwrap();
        node.allow("hal", "secrets", ["^$"; 3]).await.unwrap();
        fail(&AmqpTransport::from_url(&url).unwrap()).await;
    }
    censor.assert_nothing_found();
}

#[test]
fn a_url_that_is_refused_does_not_tell_its_password() {
    let [one, other] = WRITTEN;
    for url in [
        format!("amqp://gil:{one}@localhost:port/"),
        format!("amqp://gil:{one}@localhost/?no_such_option={other}"),
        format!("amqp://gil:{one}/{other}@localhost/"),
        format!("http://gil:{one}@localhost/"),
        format!("gil:{one}@localhost"),
        format!("rabbit://gil:{one}@localhost,hal:{other}@[::1/"),
    ] {
        let error = AmqpTransport::from_url(&url).unwrap_err();
        assert_error_silent(&error);
    }
}
