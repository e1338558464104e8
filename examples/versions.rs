//! Several versions of an interface on one server, servers of an older version, and version caps.
//!
//! `cargo run -p rpc-examples --example versions`

use rpc_core::error::RejectReason;
use rpc_core::{CallError, Context, Server, Target, Version, endpoint};
use rpc_transport_mem::MemTransport;

/// Major version 1, which old clients still call.
struct Ledger1;

#[endpoint(namespace = "bank", version = "1.2")]
impl Ledger1 {
    /// Requires version 1.0.
    pub fn balance(&self, _ctx: &Context, account: String) -> String {
        format!("1000 cents ({account}, version 1)")
    }

    /// Requires version 1.1, and version 1.2 for calls with a limit.
    #[since("1.1")]
    pub fn history(
        &self,
        _ctx: &Context,
        account: String,
        #[since("1.2")] limit: Option<u32>,
    ) -> String {
        format!("{} entries ({account}, version 1)", limit.unwrap_or(100))
    }
}

/// Major version 2 is another interface: the argument has another name.
struct Ledger2;

#[endpoint(namespace = "bank", version = "2.0")]
impl Ledger2 {
    /// Requires version 2.0.
    pub fn balance(&self, _ctx: &Context, iban: String) -> String {
        format!("10.00 euros ({iban}, version 2)")
    }
}

/// The endpoint of a server that was never updated.
struct OldLedger;

#[endpoint(namespace = "bank", version = "1.0")]
impl OldLedger {
    /// Requires version 1.0.
    pub fn balance(&self, _ctx: &Context, account: String) -> String {
        format!("1000 cents ({account}, old server)")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = MemTransport::new();
    let ctx = Context::new();

    // Two versions on one server: the first endpoint with a compatible version serves the call.
    let _new = Server::builder(transport.clone(), Target::topic("bank").server("new"))
        .endpoint(Ledger1)
        .endpoint(Ledger2)
        .build()?
        .start()
        .await?;
    let old_client = Ledger1Client::new(transport.clone(), Target::topic("bank"));
    let new_client = Ledger2Client::new(transport.clone(), Target::topic("bank"));
    println!("old client: {}", old_client.balance(&ctx, "ada".into()).await?);
    println!("new client: {}", new_client.balance(&ctx, "DE07".into()).await?);
    println!("with a limit: {}", old_client.history(&ctx, "ada".into(), Some(5)).await?);

    // An old server serves the calls that it supports. Its error for others lists the supported versions.
    let _old = Server::builder(transport.clone(), Target::topic("old-bank").server("old"))
        .endpoint(OldLedger)
        .build()?
        .start()
        .await?;
    let client = Ledger1Client::new(transport, Target::topic("old-bank"));
    println!("old server: {}", client.balance(&ctx, "ada".into()).await?);
    match client.history(&ctx, "ada".into(), None).await {
        Err(CallError::Rejected(rejected)) => match rejected.reason() {
            RejectReason::UnsupportedVersion { supported } => {
                println!("since 1.1: rejected, supported {supported:?}");
            }
            other => println!("since 1.1: rejected, {other:?}"),
        },
        other => println!("since 1.1: {other:?}"),
    }

    // During an upgrade, a version cap keeps clients from calls that some servers do not support yet.
    let capped = client.prepare().version_cap(Version::new(1, 0)).build();
    println!("may send 1.1: {}", capped.rpc().can_send_version(Some(Version::new(1, 1))));
    match capped.history(&ctx, "ada".into(), None).await {
        Err(CallError::Rejected(rejected)) => println!("version cap: {}", rejected.message()),
        other => println!("version cap: {other:?}"),
    }
    Ok(())
}
