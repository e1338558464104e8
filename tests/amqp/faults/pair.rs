//! One caller and one server, each over a link of its own that can be cut.

use rpc_core::{RpcClient, RunningServer};
use rpc_tests::support::rabbitmq::UrlForm;
use rpc_transport_amqp::AmqpTransport;

use crate::fault_env::{FaultEnv, client};
use crate::history::History;
use crate::service::{ServerOptions, serve};

pub(crate) struct Pair {
    pub(crate) env: FaultEnv<'static>,
    pub(crate) history: History,
    /// The caller's transport.
    pub(crate) caller_transport: AmqpTransport,
    server_transport: AmqpTransport,
    pub(crate) server: RunningServer,
    pub(crate) client: RpcClient,
}

impl Pair {
    /// Starts a server and a client in an environment of this name. The options are those of the caller's URL.
    pub(crate) async fn begin(form: UrlForm, name: &str, options: &str) -> Self {
        let env = FaultEnv::shared(form, name).await;
        let history = History::begin();
        let caller_transport = env.transport(&env.callers, options);
        let server_transport = env.transport(&env.servers, "");
        let server = serve(&server_transport, ServerOptions::named("one"), &history).await;
        let client = client(&caller_transport);
        Self { env, history, caller_transport, server_transport, server, client }
    }

    /// Stops the server, and sees to it that nothing is left.
    pub(crate) async fn end(self) {
        let Self { env, caller_transport, server_transport, server, client, .. } = self;
        server.stop();
        server.wait().await.unwrap();
        drop((client, server));
        env.close(vec![caller_transport, server_transport]).await;
    }
}
