//! Several versions of one interface on one server, old servers, and clients that must not ask for too much.
//!
//! `cargo run --example versions`

use rpc_core::error::RejectReason;
use rpc_core::{CallError, Context, Server, Target, Version, endpoint};
use rpc_transport_mem::MemTransport;

/// The first version, which old clients still call.
struct Ledger1;

#[endpoint(namespace = "bank", version = "1.2")]
impl Ledger1 {
    /// There from 1.0 on, so calls of it ask for 1.0.
    pub fn balance(&self, _ctx: &Context, account: String) -> String {
        format!("1000 cents ({account}, version 1)")
    }

    /// Calls of it ask for 1.1, and for 1.2 if they send a limit.
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

/// A new major version is a new interface: the name of an argument has changed.
struct Ledger2;

#[endpoint(namespace = "bank", version = "2.0")]
impl Ledger2 {
    pub fn balance(&self, _ctx: &Context, iban: String) -> String {
        format!("10.00 euros ({iban}, version 2)")
    }
}

/// A server that was never updated.
struct OldLedger;

#[endpoint(namespace = "bank", version = "1.0")]
impl OldLedger {
    pub fn balance(&self, _ctx: &Context, account: String) -> String {
        format!("1000 cents ({account}, old server)")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let transport = MemTransport::new();
    let ctx = Context::new();

    // Side by side: the first endpoint whose version fits serves the call.
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

    // An old server takes everything that it knows, and says what it has instead of what it does not.
    let _old = Server::builder(transport.clone(), Target::topic("museum").server("old"))
        .endpoint(OldLedger)
        .build()?
        .start()
        .await?;
    let client = Ledger1Client::new(transport, Target::topic("museum"));
    println!("from 1.0 on: {}", client.balance(&ctx, "ada".into()).await?);
    match client.history(&ctx, "ada".into(), None).await {
        Err(CallError::Rejected(refused)) => match refused.reason() {
            RejectReason::UnsupportedVersion { supported } => {
                println!("since 1.1: refused, served {supported:?}");
            }
            other => println!("since 1.1: refused, {other:?}"),
        },
        other => println!("since 1.1: {other:?}"),
    }

    // During an upgrade a cap keeps clients from asking for what some servers do not have yet.
    let capped = client.prepare().version_cap(Version::new(1, 0)).build();
    println!("may send 1.1: {}", capped.rpc().can_send_version(Some(Version::new(1, 1))));
    match capped.history(&ctx, "ada".into(), None).await {
        Err(CallError::Rejected(refused)) => println!("under the cap: {}", refused.message()),
        other => println!("under the cap: {other:?}"),
    }
    Ok(())
}
