//! This framework: the generated client and a server, both with their defaults.

use std::sync::Arc;

use rpc_benches::{Echo, EchoClient, Echoed};
use rpc_core::{Context, RunningServer, Server, Target};
use rpc_transport_mem::MemTransport;

use crate::load::Client;

#[derive(Clone)]
pub(crate) struct Framework {
    client: EchoClient,
    _server: Option<Arc<RunningServer>>,
}

/// Starts a server over the in-memory broker, and connects a client.
pub(crate) async fn over_mem() -> Framework {
    let transport = MemTransport::new();
    let server = Server::builder(transport.clone(), Target::topic("bench").server("bench-1"))
        .endpoint(Echo)
        .build()
        .expect("the endpoint is sound")
        .start()
        .await
        .expect("the broker is there");
    let client = EchoClient::new(transport, Target::topic("bench"));
    Framework { client, _server: Some(Arc::new(server)) }
}

/// Calls the endpoint in process, without a server and a broker.
pub(crate) async fn in_process() -> Framework {
    Framework { client: EchoClient::in_process(Echo), _server: None }
}

impl Client for Framework {
    async fn echo(&self, text: String, number: u64) -> Echoed {
        self.client.echo(&Context::new(), text, number).await.expect("the server replies")
    }
}
