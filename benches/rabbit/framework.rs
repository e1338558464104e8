//! This framework: the generated client and a server, with a transport each.

use rpc_benches::{Echo, EchoClient, Echoed};
use rpc_core::server::AckMode;
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_amqp::AmqpTransport;

use crate::Fallible;
use crate::load::Client;

pub(crate) struct Framework {
    client: EchoClient,
    _server: RunningServer,
}

/// Starts a server and connects a client. The URL selects the wire format.
pub(crate) async fn connect(url: &str, ack_mode: AckMode) -> Fallible<Framework> {
    let (server, client) = (AmqpTransport::from_url(url)?, AmqpTransport::from_url(url)?);
    // A topic of its own: the servers of two rows would share the calls of one.
    let topic = format!("bench-{ack_mode:?}");
    let server = Server::builder(server, Target::topic(topic.clone()).server("bench-1"))
        .endpoint(Echo)
        .ack_mode(ack_mode)
        .build()?
        .start()
        .await?;
    Ok(Framework { client: EchoClient::new(client, Target::topic(topic)), _server: server })
}

impl Client for Framework {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.client.echo(&Context::new(), text, number).await.expect("the server replies")
    }
}
