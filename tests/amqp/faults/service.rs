//! The endpoint. Its method records when it begins and when it finishes.

#![allow(clippy::needless_pass_by_value, reason = "arguments of methods are their own")]

use std::sync::Arc;
use std::time::Duration;

use rpc_core::server::{AckMode, Concurrency};
use rpc_core::{Context, RunningServer, Server, Target, Transport, endpoint};
use tokio::time::sleep;

use crate::history::{EventKind, History};

pub(crate) const TOPIC: &str = "bank";

pub(crate) struct Service {
    server: &'static str,
    history: History,
}

#[endpoint(client = pub(crate) ServiceClient)]
impl Service {
    /// Takes so many milliseconds.
    pub async fn work(&self, _ctx: &Context, call: u64, takes: u64) -> u64 {
        self.history.record(EventKind::Began { call, server: self.server });
        sleep(Duration::from_millis(takes)).await;
        self.history.record(EventKind::Finished { call, server: self.server });
        call
    }
}

/// A server and how it differs from others.
#[derive(Debug, Copy, Clone)]
pub(crate) struct ServerOptions {
    pub(crate) name: &'static str,
    pub(crate) acknowledge: AckMode,
    pub(crate) tasks: usize,
}

impl ServerOptions {
    pub(crate) const fn named(name: &'static str) -> Self {
        Self { name, acknowledge: AckMode::Confirmed, tasks: 64 }
    }
}

pub(crate) async fn serve(
    transport: &(impl Clone + Into<Arc<dyn Transport>>),
    setting: ServerOptions,
    history: &History,
) -> RunningServer {
    let service = Service { server: setting.name, history: history.clone() };
    let server = Server::builder(transport.clone(), Target::topic(TOPIC).server(setting.name))
        .endpoint(service)
        .ack_mode(setting.acknowledge)
        .concurrency(Concurrency::Limit(setting.tasks));
    server.build().unwrap().start().await.unwrap()
}
