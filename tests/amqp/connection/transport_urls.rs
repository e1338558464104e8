//! A program whose URL selects the transport.

use rpc_core::{Context, Server, Transports};
use rpc_tests::support::rabbitmq::UrlForm;
use rpc_transport_amqp::AmqpTransport;
use rpc_transport_mem::MemTransport;

use crate::bank::{Bank, BankClient, bank, shared_with_vhost};

/// Knows no transport by name.
async fn program(transports: &Transports, url: &str) -> usize {
    let transport = transports.connect(url).await.unwrap();
    let server = Server::builder(transport.clone(), bank().server("one")).endpoint(Bank);
    let server = server.build().unwrap().start().await.unwrap();
    let client = BankClient::new(transport.clone(), bank());
    let balance = client.balance(&Context::new(), "grace".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    transport.close().await;
    balance
}

#[tokio::test]
async fn the_same_program_runs_over_whatever_its_url_names() {
    let node = shared_with_vhost("chosen").await;
    let transports = Transports::new().with(MemTransport::factory()).with(AmqpTransport::factory());
    let urls = [
        "mem://chosen".to_owned(),
        node.url(UrlForm::Amqp, "chosen"),
        node.url(UrlForm::Rabbit, "chosen"),
    ];
    for url in urls {
        assert_eq!(program(&transports, &url).await, 5, "{url}");
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_without_its_password() {
    let transports = Transports::new().with(MemTransport::factory()).with(AmqpTransport::factory());
    for url in [
        "kafka://ann:hunter2@localhost/",
        "amqp://ann:hunter2@localhost/?no_such_option=1",
        "rabbit://ann:hunter2@localhost:port/",
        "rabbit://ann:hunter2/3@localhost/",
    ] {
        let error = transports.connect(url).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
