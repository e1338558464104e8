//! A RabbitMQ transport for [`rpc_core`]. It interoperates with Python services that use oslo.messaging.
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
//! The URL decides which messages are sent and which queues they go through; see [`AmqpBuilder`]. Incoming messages are
//! understood in both formats, and replies have the format of their request.
//!
//! # Queues and exchanges
//!
//! | | `amqp://`, `amqps://` | `rabbit://` |
//! |---|---|---|
//! | queue of a topic | `<exchange>/<topic>`, durable | `<topic>`, as oslo.messaging declares it |
//! | queue of a server | `<exchange>/<topic>/<server>`, durable, deleted 30 minutes after its server has gone | `<topic>.<server>`, as oslo.messaging declares it |
//! | fanout | exchange `rpc.fanout/<topic>`, a queue for each server | exchange `<topic>_fanout`, a queue for each server |
//! | reply queue | `rpc.reply/<32 digits>` | `reply_<32 digits>` |
//! | bodies | MessagePack | JSON in oslo.messaging's envelope 2.0 |
//! | default exchange of targets | `rpc` | `openstack` |
//!
//! Reply and fanout queues are durable and have one exclusive consumer. They are deleted when their transport or server
//! ends; the broker deletes them 60 s after a program has gone without doing so. With
//! [`stream_fanout`](AmqpBuilder::stream_fanout) one stream with the name of the fanout exchange takes the place of all fanout
//! queues of the topic, and stays. RabbitMQ 3.10 to 4.3 accepts everything in the left column.
//!
//! # Behaviour
//!
//! - **Connections.** One publishes, one consumes. They are opened when they are first needed, and reopened on the next host
//!   after a growing, jittered delay. Servers consume again, and callers receive the replies that came meanwhile. A third
//!   one is opened only while the broker blocks the first.
//! - **Publishing.** Every message is mandatory and confirmed. A call to a missing queue, or to a queue without consumers,
//!   fails at once.
//! - **Deadlines.** A deadline also bounds connecting and publishing, and travels as the message's expiration.
//! - **Prefetch.** A server consumes a message when a permit is free for it. With acknowledgement before the method runs, a few
//!   messages ([`AmqpBuilder::prefetch`]) wait in addition. Those that wait for long are redistributed to servers that are free,
//!   and all of them are on graceful shutdown.
//! - **Blocked connections.** While the broker blocks the connection, calls wait until their deadline, and the transport's
//!   state is [`Blocked`](rpc_core::transport::ConnectionState::Blocked).
//! - **Errors.** Wrong passwords, virtual hosts and certificates have errors of their own, reported at once.
//!
//! A transport runs on the tokio runtime on which it is first used.
//!
//! # Features
//!
//! | Feature | Default | Adds |
//! |---|---|---|
//! | `compression` | yes | reading bodies that Python services compressed as gzip, bzip2 or xz (`kombu_compression`). Without it they are rejected, and the log says so |
//! | `tls-ring` | yes | `amqps://`, and `ssl=1` with `rabbit://`, with the cryptography of ring |
//! | `tls-aws-lc-rs` | no | the same with that of AWS-LC, which is used where both are enabled |
//!
//! A program that has set rustls's default for its process gets that one.

mod client;
mod config;
mod connection;
mod factory;
mod lifecycle;
mod publish;
mod server;
mod topology;
mod transport;
mod wire;

pub use self::config::AmqpBuilder;
pub use self::factory::AmqpFactory;
pub use self::transport::AmqpTransport;
#[doc(hidden)]
pub use self::wire::fuzz_hooks as __private;
