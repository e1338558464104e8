//! Ourselves: the generated client and a server, with a transport each, all with their defaults.

use rpc_benches::{Echoed, Parrot, ParrotClient};
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_amqp::AmqpTransport;

use crate::Fallible;
use crate::drive::Echo;

pub(crate) struct Ours {
    client: ParrotClient,
    _server: RunningServer,
}

/// The URL decides the form.
pub(crate) async fn connect(url: &str) -> Fallible<Ours> {
    let (served, called) = (AmqpTransport::from_url(url)?, AmqpTransport::from_url(url)?);
    let server = Server::builder(served, Target::topic("bench").server("bench-1"))
        .endpoint(Parrot)
        .build()?
        .start()
        .await?;
    Ok(Ours { client: ParrotClient::new(called, Target::topic("bench")), _server: server })
}

impl Echo for Ours {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.client.echo(&Context::new(), text, number).await.expect("the server answers")
    }
}
