//! The quickstart over RabbitMQ: the same server and client over the transport that a URL names.
//!
//! `RPC_TRANSPORT_URL=amqp://guest:guest@localhost/ cargo run -p rpc-examples-rabbitmq --example quickstart_rabbitmq`
//!
//! The endpoints, the server and the client are in `src/bank.rs` of the package `rpc-examples`.

use rpc_core::Transports;
use rpc_examples::bank;
use rpc_transport_amqp::AmqpTransport;
use rpc_transport_mem::MemTransport;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The server's log has what callers are not told, such as panics. It goes to stderr.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();

    // The deployment selects the transport by a URL in `RPC_TRANSPORT_URL`.
    let transports = Transports::new().with(MemTransport::factory()).with(AmqpTransport::factory());
    let transport = transports.connect_default("amqp://guest:guest@localhost/").await?;
    bank::run(transport).await
}
