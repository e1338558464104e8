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
    pub(crate) ours: AmqpTransport,
    theirs: AmqpTransport,
    pub(crate) server: RunningServer,
    pub(crate) client: RpcClient,
}

impl Pair {
    /// In a env of this name, the caller's URL with these options.
    pub(crate) async fn begin(form: UrlForm, name: &str, options: &str) -> Self {
        let env = FaultEnv::shared(form, name).await;
        let history = History::begin();
        let ours = env.transport(&env.callers, options);
        let theirs = env.transport(&env.servers, "");
        let server = serve(&theirs, ServerOptions::named("one"), &history).await;
        let client = client(&ours);
        Self { env, history, ours, theirs, server, client }
    }

    /// Stops the server, and sees to it that nothing is left.
    pub(crate) async fn end(self) {
        let Self { env, ours, theirs, server, client, .. } = self;
        server.stop();
        server.wait().await.unwrap();
        drop((client, server));
        env.close(vec![ours, theirs]).await;
    }
}
