//! Expected errors, which callers receive as Rust types, and all other errors, which they do not see.
//!
//! `cargo run -p rpc-examples --example expected_errors`

use rpc_core::layer::BoxError;
use rpc_core::{CallError, Context, RpcError, Server, Target, endpoint};
use rpc_transport_mem::MemTransport;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("there is no account `{name}`")]
struct UnknownAccount {
    name: String,
}

/// The errors of a bank. Only those that `#[expected]` names leave the server.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
enum BankError {
    #[error("the bank is closed until {until}")]
    Closed { until: String },
    #[error("the vault is locked")]
    VaultLocked,
}

struct Bank;

#[endpoint(namespace = "bank")]
impl Bank {
    /// Withdraws money, and returns the new balance.
    ///
    /// `#[expected]` names an error type and one variant of another. Both are found anywhere in the chain of sources of
    /// the returned error, so a boxed error and `anyhow` work as well as an error enum.
    #[expected(UnknownAccount, BankError::Closed)]
    pub fn withdraw(&self, _ctx: &Context, account: String, cents: u64) -> Result<u64, BoxError> {
        match account.as_str() {
            "ada" => Ok(1_000 - cents),
            "sunday" => Err(BankError::Closed { until: "monday".into() }.into()),
            "locked" => Err(BankError::VaultLocked.into()),
            "crash" => panic!("index out of bounds"),
            name => Err(UnknownAccount { name: name.into() }.into()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One call below panics. The server logs the panic, so the default hook need not print it.
    std::panic::set_hook(Box::new(|_| {}));

    let transport = MemTransport::new();
    let target = Target::topic("bank").server("bank-1");
    let server = Server::builder(transport.clone(), target).endpoint(Bank).build()?.start().await?;

    let bank = BankClient::new(transport, Target::topic("bank"));
    let ctx = Context::new();
    for account in ["ada", "eve", "sunday", "locked", "crash"] {
        let result = match bank.withdraw(&ctx, account.into(), 300).await {
            Ok(left) => format!("{left} cents left"),
            // The same Rust types as on the server, with their fields.
            Err(CallError::Expected(BankWithdrawExpected::UnknownAccount(error))) => {
                format!("expected, no account `{}`", error.name)
            }
            Err(CallError::Expected(BankWithdrawExpected::Closed(error))) => {
                format!("expected, {error}")
            }
            // Any other error: its class, and an id to search for in the server's log.
            Err(CallError::Remote(error)) => {
                format!("unexpected, class {}, panicked: {}", error.class(), error.is_panic())
            }
            Err(other) => return Err(other.into()),
        };
        println!("{account}: {result}");
    }

    let stats = server.stats();
    println!(
        "server: {} expected errors, {} other errors, {} panics; still running",
        stats.expected_errors, stats.errors, stats.panics
    );
    Ok(())
}
