//! Ourselves: the generated client and a server, both with their defaults.

use std::sync::Arc;

use rpc_benches::{Echoed, Parrot, ParrotClient};
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_mem::MemTransport;

use crate::drive::Echo;

#[derive(Clone)]
pub(crate) struct Ours {
    client: ParrotClient,
    _server: Option<Arc<RunningServer>>,
}

/// A server that listens, a client that sends, and the broker between them.
pub(crate) async fn over_mem() -> Ours {
    let transport = MemTransport::new();
    let server = Server::builder(transport.clone(), Target::topic("bench").server("bench-1"))
        .endpoint(Parrot)
        .build()
        .expect("the endpoint is sound")
        .start()
        .await
        .expect("the broker is there");
    let client = ParrotClient::new(transport, Target::topic("bench"));
    Ours { client, _server: Some(Arc::new(server)) }
}

/// The same dispatch without a server and a broker.
pub(crate) async fn in_process() -> Ours {
    Ours { client: ParrotClient::in_process(Parrot), _server: None }
}

impl Echo for Ours {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.client.echo(&Context::new(), text, number).await.expect("the server answers")
    }
}
