//! A server for Python clients that use oslo.messaging.
//!
//! Server: `RPC_TRANSPORT_URL=rabbit://guest:guest@localhost/ cargo run -p rpc-examples-rabbitmq --example rust_server`
//!
//! Client: `python examples/rabbitmq/python/client.py rabbit://guest:guest@localhost/`

use rpc_core::{Context, RpcError, Server, StopHandle, Target, Transports, endpoint};
use rpc_transport_amqp::AmqpTransport;
use serde::{Deserialize, Serialize};

/// Python's `bank_errors.InsufficientFunds`: the fields are its keyword arguments.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
#[rpc_error(module = "bank_errors")]
struct InsufficientFunds {
    missing: u64,
}

struct Ledger;

#[endpoint(namespace = "bank", version = "1.2")]
impl Ledger {
    /// Withdraws money from an account with 1000 cents, and returns the new balance.
    #[expected(InsufficientFunds)]
    pub fn withdraw(&self, ctx: &Context, cents: u64) -> Result<u64, InsufficientFunds> {
        println!("server: {} withdraws {cents} cents", ctx.get_str("user").unwrap_or("somebody"));
        1_000_u64.checked_sub(cents).ok_or_else(|| InsufficientFunds { missing: cents - 1_000 })
    }
}

struct Control {
    server: StopHandle,
}

#[endpoint]
impl Control {
    /// Stops the server. This call still gets its reply.
    pub fn stop(&self, _ctx: &Context) {
        self.server.stop();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transports = Transports::new().with(AmqpTransport::factory());
    let transport = transports.connect_default("rabbit://guest:guest@localhost/").await?;

    let server = Server::builder(transport, Target::topic("bank").server("bank-1"));
    let control = Control { server: server.stop_handle() };
    let server = server.endpoint(Ledger).endpoint(control).build()?.start().await?;
    println!("server: listens on topic bank");
    server.wait().await?;
    println!("server: stopped");
    Ok(())
}
