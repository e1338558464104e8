//! A bank: a server with two endpoints, and a client that calls both, over any transport.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rpc_core::{CallError, Context, RpcError, Server, StopHandle, Target, Transport, endpoint};
use serde::{Deserialize, Serialize};

/// The accounts of a bank, and their balances in cents.
struct Ledger {
    accounts: Mutex<HashMap<String, u64>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transfer {
    from: String,
    to: String,
    cents: u64,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
struct InsufficientFunds {
    missing: u64,
}

#[endpoint(namespace = "bank", version = "1.2")]
impl Ledger {
    /// Moves money between two accounts, and returns the new balance of the first.
    #[expected(InsufficientFunds)]
    pub async fn transfer(&self, ctx: &Context, order: Transfer) -> Result<u64, InsufficientFunds> {
        let user = ctx.get_str("user").unwrap_or("somebody");
        println!("server: {user} moves {} cents from {} to {}", order.cents, order.from, order.to);
        let mut accounts = self.accounts.lock().expect("no method panics while it holds the lock");
        let balance = accounts.get(&order.from).copied().unwrap_or_default();
        let left = balance
            .checked_sub(order.cents)
            .ok_or_else(|| InsufficientFunds { missing: order.cents - balance })?;
        accounts.insert(order.from, left);
        *accounts.entry(order.to).or_default() += order.cents;
        Ok(left)
    }

    /// Returns the balance of an account in cents.
    #[since("1.1")]
    pub fn balance(&self, _ctx: &Context, account: String) -> u64 {
        let accounts = self.accounts.lock().expect("no method panics while it holds the lock");
        accounts.get(&account).copied().unwrap_or_default()
    }
}

/// Lets an operator stop the server by a call.
struct Control {
    server: StopHandle,
}

#[endpoint(namespace = "control", version = "2.0")]
impl Control {
    /// Stops the server. This call still gets its reply.
    pub fn stop(&self, _ctx: &Context) {
        self.server.stop();
    }
}

/// Starts the server, makes some calls, and stops the server by the last of them.
///
/// # Errors
///
/// Fails if the server cannot be started, or if a call fails with an error that is not expected.
pub async fn run(
    transport: impl Into<Arc<dyn Transport>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let transport = transport.into();
    let builder = Server::builder(transport.clone(), Target::topic("bank").server("bank-1"));
    let control = Control { server: builder.stop_handle() };
    let accounts = Mutex::new(HashMap::from([("ada".to_owned(), 1_000)]));
    let server = builder.endpoint(Ledger { accounts }).endpoint(control).build()?.start().await?;

    let bank = LedgerClient::new(transport.clone(), Target::topic("bank"));
    let ctx = Context::new().with("user", "ada");
    for cents in [300, 900] {
        let order = Transfer { from: "ada".into(), to: "bob".into(), cents };
        match bank.transfer(&ctx, order).await {
            Ok(left) => println!("client: transferred, {left} cents left"),
            Err(CallError::Expected(LedgerTransferExpected::InsufficientFunds(error))) => {
                println!("client: insufficient funds, {} cents short", error.missing);
            }
            Err(other) => return Err(other.into()),
        }
    }
    println!("client: bob has {} cents", bank.balance(&ctx, "bob".into()).await?);

    ControlClient::new(transport.clone(), Target::topic("bank"))
        .stop(&ctx)
        .to_server("bank-1")
        .await?;
    let report = server.wait().await?;
    println!("server: stopped, {} calls aborted", report.aborted);
    transport.close().await;
    Ok(())
}
