//! RabbitMQ for [`rpc_core`], also with Python programs that use oslo.messaging on the other side.
//!
//! ```no_run
//! use rpc_core::{Context, RpcClient, Server, Target, endpoint};
//! use rpc_transport_amqp::AmqpTransport;
//!
//! struct Echo;
//!
//! #[endpoint]
//! impl Echo {
//!     pub fn echo(&self, _ctx: &Context, text: String) -> String {
//!         text
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = AmqpTransport::from_url("amqp://guest:guest@localhost/")?;
//! let server = Server::builder(transport.clone(), Target::topic("echo").server("echo-1"));
//! let server = server.endpoint(Echo).build()?.start().await?;
//!
//! let echo = EchoClient::new(transport, Target::topic("echo"));
//! assert_eq!(echo.echo(&Context::new(), "hi".into()).await?, "hi");
//! # server.stop();
//! # server.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The URL decides what is sent, and over which queues; [`AmqpBuilder`] describes it. What comes in is understood in both
//! forms, and answered in kind.
//!
//! # What is on the broker
//!
//! | | `amqp://`, `amqps://` | `rabbit://` |
//! |---|---|---|
//! | a topic's queue | `<exchange>/<topic>`, durable | `<topic>`, as oslo.messaging declares it |
//! | a server's queue | `<exchange>/<topic>/<server>`, durable, gone 30 minutes after its server | `<topic>.<server>`, as oslo.messaging declares it |
//! | fanout | exchange `rpc.fanout/<topic>`, a queue for each server | exchange `<topic>_fanout`, a queue for each server |
//! | answers | `rpc.reply/<32 digits>` | `reply_<32 digits>` |
//! | bodies | MessagePack | JSON in oslo.messaging's envelope 2.0 |
//! | exchange by default | `rpc` | `openstack` |
//!
//! Queues for answers and fanouts are durable, have one exclusive consumer, are deleted when their transport or server
//! ends, and by the broker 60 s after it has gone without saying so. RabbitMQ from 3.10 to 4.3 takes all of the left column.
//!
//! # How it behaves
//!
//! - Two connections, made when they are first needed, and made again on the next host after a growing, jittered pause. A
//!   server listens again, a caller gets the answers that came meanwhile.
//! - Every message is mandatory and confirmed. A call to a queue that is not there, or has no consumer, fails at once.
//! - A deadline bounds connecting and publishing, too, and travels as the message's expiration.
//! - A server takes a message off the broker when a task is free for it. Before that at most a small window waits with it
//!   ([`AmqpBuilder::window`]); what waits there for long is passed on to servers that are free, and all of it when it stops.
//! - While the broker blocks, calls wait until their deadline, and the transport's state is
//!   [`Blocked`](rpc_core::transport::ConnectionState::Blocked).
//! - Wrong passwords, virtual hosts and certificates are errors of their own, known at once.
//!
//! A transport runs on the tokio runtime on which it is first used.

mod client;
mod config;
mod connection;
mod factory;
mod kinds;
mod lifecycle;
mod publish;
mod server;
mod topology;
mod transport;
mod wire;

pub use self::config::AmqpBuilder;
pub use self::factory::AmqpFactory;
pub use self::transport::AmqpTransport;
