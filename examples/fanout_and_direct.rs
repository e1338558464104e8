//! Calls to any server of a topic, to one server by name, and casts to all servers.
//!
//! `cargo run -p rpc-examples --example fanout_and_direct`

use std::collections::BTreeSet;

use rpc_core::error::TransportErrorKind;
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use tokio::sync::mpsc;

/// A cache. Every server has its own copy.
struct Cache {
    server: &'static str,
    invalidated: mpsc::UnboundedSender<String>,
}

#[endpoint(namespace = "cache")]
impl Cache {
    /// Returns the name of this server.
    pub fn server_name(&self, _ctx: &Context) -> String {
        self.server.to_owned()
    }

    /// Removes an entry.
    pub fn invalidate(&self, _ctx: &Context, key: String) {
        let _ = self.invalidated.send(format!("{} removed {key}", self.server));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    let ctx = Context::new();
    let (invalidated, mut events) = mpsc::unbounded_channel();

    let mut servers = Vec::new();
    for server in ["cache-1", "cache-2", "cache-3"] {
        let endpoint = Cache { server, invalidated: invalidated.clone() };
        let target = Target::topic("cache").server(server);
        let server = Server::builder(transport.clone(), target).endpoint(endpoint).build()?;
        servers.push(server.start().await?);
    }
    let cache = CacheClient::new(transport, Target::topic("cache"));

    // The servers of a topic share its calls.
    let mut names = BTreeSet::new();
    for _ in 0..12 {
        names.insert(cache.server_name(&ctx).await?);
    }
    println!("any: 12 calls were served by {}", Vec::from_iter(names).join(", "));

    // One server by name: for a single call, or for all calls of a client.
    println!("server: {}", cache.server_name(&ctx).to_server("cache-2").await?);
    let third = cache.prepare().server("cache-3").build();
    println!("prepared: {}, {}", third.server_name(&ctx).await?, third.server_name(&ctx).await?);

    // All servers. A fanout is a cast: it completes when the message is published, and has no reply.
    cache.invalidate(&ctx, "ada".into()).fanout().await?;
    let mut removed = Vec::new();
    for _ in 0..3 {
        removed.extend(events.recv().await);
    }
    removed.sort();
    println!("fanout: {}", removed.join(", "));

    // A call to a missing server fails at once instead of timing out.
    match cache.server_name(&ctx).to_server("cache-9").await {
        Err(CallError::Transport(error)) if error.kind() == TransportErrorKind::MissingServer => {
            println!("missing server, ran: {}, may retry: {}", error.ran(), error.may_retry());
        }
        other => println!("missing server: {other:?}"),
    }
    Ok(())
}
