//! Servers that can be killed: all their tasks and connections end at once, without a shutdown.

use std::future::pending;

use rpc_tests::support::rabbitmq::{Cut, Proxy};
use rpc_transport_amqp::AmqpTransport;
use tokio::runtime::{Builder, Runtime};

use crate::history::History;
use crate::service::{ServerOptions, serve};

/// A server with its own runtime and its own proxy to the broker.
pub(crate) struct KillableServer {
    way: Proxy,
    runtime: Option<Runtime>,
}

impl KillableServer {
    pub(crate) async fn start(
        way: Proxy,
        url: String,
        setting: ServerOptions,
        history: &History,
    ) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let history = history.clone();
        let serving = runtime.spawn(async move {
            let transport = AmqpTransport::from_url(&url).unwrap();
            let server = serve(&transport, setting, &history).await;
            tokio::spawn(async move {
                pending::<()>().await;
                drop((transport, server));
            });
        });
        serving.await.unwrap();
        Self { way, runtime: Some(runtime) }
    }

    pub(crate) fn kill(self) {
        // Nothing of what the end of its runtime makes it say gets out.
        self.way.freeze_all();
    }
}

impl Drop for KillableServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.way.refuse();
        self.way.cut(Cut::Reset);
    }
}
