//! A server with two endpoints, and a client that calls both, in one process.
//!
//! `cargo run -p rpc-examples --example quickstart`
//!
//! `src/bank.rs` has the endpoints, the server and the client. `rabbitmq/quickstart.rs` runs them over RabbitMQ, and has
//! what a service needs besides: a `tracing` subscriber that writes the log, and a transport that its URL selects.

use rpc_examples::bank;
use rpc_transport_mem::MemTransport;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    bank::run(MemTransport::new()).await
}
