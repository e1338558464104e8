//! The endpoint. Its method records when it begins and when it finishes.

#![allow(clippy::needless_pass_by_value, reason = "arguments of methods are their own")]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::server::{AckMode, Concurrency};
use rpc_core::{Context, RunningServer, Server, Target, Transport, endpoint};
use tokio::time::sleep;

use crate::history::{EventKind, History};
use crate::killable_server::Process;

pub(crate) const TOPIC: &str = "bank";

/// The name of the server that can be killed.
pub(crate) const MORTAL: &str = "mortal";

pub(crate) struct Service {
    server: &'static str,
    history: History,
    /// Its process, if that can be killed.
    process: Option<Arc<Process>>,
}

#[endpoint(client = pub(crate) ServiceClient)]
impl Service {
    /// Takes so many milliseconds.
    pub async fn work(&self, ctx: &Context, call: u64, takes: u64) -> u64 {
        let (server, id) = (self.server, ctx.message_id());
        self.history.record(EventKind::Began { call, server, id });
        sleep(Duration::from_millis(takes)).await;
        self.history.record(EventKind::Finished { call, server });
        call
    }

    /// Ends the process: nothing of it is heard any more.
    pub async fn die(&self, ctx: &Context, call: u64) {
        let (server, id) = (self.server, ctx.message_id());
        self.history.record(EventKind::Began { call, server, id });
        if let Some(process) = &self.process {
            process.end();
        }
        pending::<()>().await;
    }
}

/// A server and how it differs from others.
#[derive(Debug, Copy, Clone)]
pub(crate) struct ServerOptions {
    /// Its name in the history.
    pub(crate) name: &'static str,
    /// The name that it is called by.
    pub(crate) server: &'static str,
    pub(crate) acknowledge: AckMode,
    pub(crate) tasks: usize,
}

impl ServerOptions {
    pub(crate) const fn named(name: &'static str) -> Self {
        Self { name, server: name, acknowledge: AckMode::Confirmed, tasks: 64 }
    }
}

pub(crate) async fn serve(
    transport: &(impl Clone + Into<Arc<dyn Transport>>),
    setting: ServerOptions,
    history: &History,
) -> RunningServer {
    serve_in(transport, setting, history, None).await
}

/// Starts a server whose method can end its process.
pub(crate) async fn serve_in(
    transport: &(impl Clone + Into<Arc<dyn Transport>>),
    setting: ServerOptions,
    history: &History,
    process: Option<Arc<Process>>,
) -> RunningServer {
    let service = Service { server: setting.name, history: history.clone(), process };
    let server = Server::builder(transport.clone(), Target::topic(TOPIC).server(setting.server))
        .endpoint(service)
        .ack_mode(setting.acknowledge)
        .concurrency(Concurrency::Limit(setting.tasks));
    server.build().unwrap().start().await.unwrap()
}
