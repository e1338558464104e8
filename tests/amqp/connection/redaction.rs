//! Passwords are not shown in logs, errors and debug output.

use std::error::Error;
use std::fmt;

use rpc_core::{Context, Server, Transport};
use rpc_tests::support::rabbitmq::{Cut, UrlForm, with_options};
use rpc_transport_amqp::{AmqpBuilder, AmqpTransport};

use crate::bank::{
    Bank, bank, call, client, proxied, serve, shared_with_vhost, transport, try_serve, until,
};
use crate::log_scanner::{LOG_SCANNER, SECRETS, WRITTEN, find_secret};

fn assert_no_secret(shown: &(impl fmt::Debug + ?Sized)) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert_eq!(find_secret(&text), None, "{text}");
    }
}

/// Asserts that neither the error nor its causes show a secret.
fn assert_error_has_no_secret(error: &(dyn Error + 'static)) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        assert_eq!(find_secret(&error.to_string()), None);
        assert_no_secret(error);
        cause = error.source();
    }
}

/// Returns a URL that names one host twice, with users whose passwords are the secrets.
fn secret_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, rest) = rest.split_once('@').unwrap();
    let (host, rest) = rest.split_once('/').unwrap();
    let [one, other] = WRITTEN;
    format!("{scheme}://gil:{one}@{host},hal:{other}@{host}/{rest}")
}

/// Makes a call and starts a server, which must both fail without showing a secret.
async fn fail(transport: &AmqpTransport) {
    let error = client(transport).balance(&Context::new(), "ada".into()).await.unwrap_err();
    assert_error_has_no_secret(&error);
    assert_error_has_no_secret(&try_serve(transport).await.unwrap_err());
    assert_no_secret(transport);
}

#[tokio::test]
async fn no_log_no_error_and_no_debug_output_tells_a_password() {
    let scanner = *LOG_SCANNER;
    let node = shared_with_vhost("secrets").await;
    node.create_vhost("other secrets").await.unwrap();
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (proxy, url) = proxied(node, form, "secrets").await;
        let login = if form == UrlForm::Rabbit { "AMQPLAIN" } else { "PLAIN" };
        let url = with_options(&secret_url(&url), &format!("login={login}"));
        let builder = AmqpBuilder::from_url(&url).unwrap();
        assert_no_secret(&builder);
        // These users do not exist yet.
        fail(&builder.build()).await;
        for (user, password) in [("gil", SECRETS[0]), ("hal", SECRETS[1])] {
            if form == UrlForm::Amqp {
                node.add_user(user, password).await.unwrap();
            }
            node.allow(user, "secrets", [".*"; 3]).await.unwrap();
        }
        // They have no permissions in this virtual host.
        fail(&transport(&url.replace("/secrets", "/other%20secrets"))).await;
        // In this one they have, and the connection is cut once.
        let transport = transport(&url);
        let server = serve(&transport).await;
        call(&transport).await;
        proxy.cut(Cut::Reset);
        until("it works again", async || {
            client(&transport).balance(&Context::new(), "ada".into()).await.is_ok()
        })
        .await;
        assert_no_secret(&transport);
        assert_no_secret(&Server::builder(transport.clone(), bank().server("two")).endpoint(Bank));
        assert_no_secret(&client(&transport));
        server.stop();
        server.wait().await.unwrap();
        transport.close().await;
        // The users may not declare anything any more.
        node.allow("gil", "secrets", ["^$"; 3]).await.unwrap();
        node.allow("hal", "secrets", ["^$"; 3]).await.unwrap();
        fail(&AmqpTransport::from_url(&url).unwrap()).await;
    }
    scanner.assert_nothing_found();
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
        assert_error_has_no_secret(&error);
    }
}
