//! One of many servers, this very one, or all of them.
//!
//! `cargo run --example fanout_and_direct`

use std::collections::BTreeSet;

use rpc_core::error::TransportErrorKind;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::mpsc;

/// A cache that several servers run a copy of.
struct Cache {
    server: &'static str,
    forgotten: mpsc::UnboundedSender<String>,
}

#[endpoint(namespace = "cache")]
impl Cache {
    /// Which server this is.
    pub fn who(&self, _ctx: &Context) -> String {
        self.server.to_owned()
    }

    /// Forgets an entry.
    pub fn invalidate(&self, _ctx: &Context, key: String) {
        let _ = self.forgotten.send(format!("{} forgot {key}", self.server));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let transport = MemTransport::new();
    let ctx = Context::new();
    let (forgotten, mut events) = mpsc::unbounded_channel();

    let mut servers = Vec::new();
    for server in ["cache-1", "cache-2", "cache-3"] {
        let endpoint = Cache { server, forgotten: forgotten.clone() };
        let target = Target::topic("cache").server(server);
        let server = Server::builder(transport.clone(), target).endpoint(endpoint).build()?;
        servers.push(server.start().await?);
    }
    let cache = CacheClient::new(transport, Target::topic("cache"));

    // Servers of one topic share its calls.
    let mut answered = BTreeSet::new();
    for _ in 0..12 {
        answered.insert(cache.who(&ctx).await?);
    }
    println!("any: twelve calls were answered by {}", Vec::from_iter(answered).join(", "));

    // One of them by name: for one call, or for all calls of a client.
    println!("direct: {}", cache.who(&ctx).to_server("cache-2").await?);
    let third = cache.prepare().server("cache-3").build();
    println!("prepared: {} {}", third.who(&ctx).await?, third.who(&ctx).await?);

    // All of them. A fanout is a cast: it is done when the message is handed over, and nobody answers.
    cache.invalidate(&ctx, "ada".into()).fanout().await?;
    let mut reached = Vec::new();
    for _ in 0..3 {
        reached.extend(events.recv().await);
    }
    reached.sort();
    println!("fanout: {}", reached.join(", "));

    // Nobody there is an answer, not a time-out.
    match cache.who(&ctx).to_server("cache-9").await {
        Err(CallError::Transport(error)) if error.kind() == TransportErrorKind::MissingServer => {
            println!("nobody: no such server, ran: {}, retry: {}", error.ran(), error.may_retry());
        }
        other => println!("nobody: {other:?}"),
    }
    Ok(())
}
