//! A client of a Python server that uses oslo.messaging. The interface of the server is written as a trait.
//!
//! Server: `python examples/rabbitmq/python/server.py rabbit://guest:guest@localhost/`
//!
//! Client: `RPC_TRANSPORT_URL=rabbit://guest:guest@localhost/ cargo run -p rpc-examples-rabbitmq --example rust_client`

use rpc_core::{CallError, Context, RpcClient, RpcError, Target, Transports, endpoint};
use rpc_transport_amqp::AmqpTransport;
use serde::{Deserialize, Serialize};

/// Python's `bank_errors.InsufficientFunds`: the fields are its keyword arguments.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
#[rpc_error(module = "bank_errors")]
struct InsufficientFunds {
    missing: u64,
}

/// The interface of the Python server.
#[endpoint(namespace = "bank", version = "1.2")]
trait Bank {
    /// Withdraws money, and returns the new balance.
    #[expected(InsufficientFunds)]
    fn withdraw(&self, ctx: &Context, cents: u64) -> Result<u64, InsufficientFunds>;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transports = Transports::new().with(AmqpTransport::factory());
    let transport = transports.connect_default("rabbit://guest:guest@localhost/").await?;

    let bank = BankClient::new(transport.clone(), Target::topic("bank"));
    let ctx = Context::new().with("user", "ada");
    for cents in [300, 1_200] {
        match bank.withdraw(&ctx, cents).await {
            Ok(left) => println!("client: {left} cents left"),
            Err(CallError::Expected(BankWithdrawExpected::InsufficientFunds(error))) => {
                println!("client: insufficient funds, {} cents short", error.missing);
            }
            Err(other) => return Err(other.into()),
        }
    }
    // A method without an interface in Rust is called by name.
    RpcClient::new(transport.clone(), Target::topic("bank")).call::<()>(&ctx, "stop", &()).await?;
    transport.close().await;
    Ok(())
}
