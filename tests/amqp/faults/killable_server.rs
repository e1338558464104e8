//! Servers that can be killed: all their tasks and connections end at once, without a shutdown.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_tests::support::rabbitmq::{Cut, Proxy};
use rpc_transport_amqp::AmqpTransport;
use tokio::runtime::{Builder, Runtime};

use crate::history::History;
use crate::service::{ServerOptions, serve_in};

/// A server with its own runtime and its own proxy to the broker.
pub(crate) struct KillableServer {
    process: Arc<Process>,
    runtime: Option<Runtime>,
}

/// What others see of a process: its connection.
pub(crate) struct Process {
    way: Proxy,
    ended: AtomicBool,
}

impl Process {
    /// Ends it: nothing that it says from now on gets out.
    pub(crate) fn end(&self) {
        self.way.freeze_all();
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl KillableServer {
    pub(crate) async fn start(
        way: Proxy,
        url: String,
        setting: ServerOptions,
        history: &History,
    ) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let process = Arc::new(Process { way, ended: AtomicBool::new(false) });
        let (history, served) = (history.clone(), Arc::clone(&process));
        let serving = runtime.spawn(async move {
            let transport = AmqpTransport::from_url(&url).unwrap();
            let server = serve_in(&transport, setting, &history, Some(served)).await;
            tokio::spawn(async move {
                pending::<()>().await;
                drop((transport, server));
            });
        });
        serving.await.unwrap();
        Self { process, runtime: Some(runtime) }
    }

    /// Returns whether a method has killed it.
    pub(crate) fn has_ended(&self) -> bool {
        self.process.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn kill(self) {
        self.process.end();
    }
}

impl Drop for KillableServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.process.way.refuse();
        self.process.way.cut(Cut::Reset);
    }
}
