//! The AMQP 0-9-1 connection of `rpc-transport-amqp`: what an RPC transport needs, and nothing else.
//!
//! ```no_run
//! use rpc_amqp::{Connection, Login, Options, Properties, Publish};
//! use tokio::net::TcpStream;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = TcpStream::connect("localhost:5672").await?;
//! let login = Login::Plain { user: "guest".into(), password: "guest".into() };
//! let connection = Connection::open(stream, &Options::new(login)).await?;
//!
//! let channel = connection.open_channel().await?;
//! channel.confirm_select(1000).await?;
//! let properties = Properties::default();
//! let message = Publish {
//!     exchange: "",
//!     routing_key: "orders",
//!     mandatory: true,
//!     properties: &properties,
//!     body: &[b"hello"],
//! };
//! println!("{:?}", channel.publish_confirmed(&message)?.await);
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! - **Hostile messages.** Whatever a broker accepts from a publisher arrives as a message. Nested tables are skipped by their
//!   length, text need not be UTF-8, headers may be larger than the agreed frame size, and bodies over the limit are discarded
//!   while they arrive. There is no recursion and no panic on bytes from outside.
//! - **Confirms.** Each message has one [`Outcome`]. A returned message is matched to the message itself, not to the confirm that
//!   comes next.
//! - **Cancellation.** Every future can be dropped. A request that was sent is carried out, and its answer is ignored.
//! - **Back-pressure.** [`Channel::ready`] waits while the broker blocks the connection, while 1 MiB waits to be written, and
//!   while too many messages have no confirm.
//! - **Channels.** An id is used again as soon as both sides have closed its channel.
//!
//! # How it works
//!
//! One task per connection reads, dispatches and writes. Handles append to one buffer under one lock, and what gathers while the
//! task runs leaves in one write. Deliveries and outcomes are handed to [`Consumer`] and [`ConfirmHandler`] by that task, so no
//! second task stands between the socket and whoever works on a message.
//!
//! # Scope
//!
//! This crate opens no sockets, reads no URLs, and never reconnects: the transport does. It has no transactions, no `basic.get`, no
//! streams, no AMQP 1.0, and no recovery of topology, and never will. Programs that need those use a general client.

mod channel;
mod connection;
mod error;
mod options;
mod wire;

pub use self::channel::confirms::{ConfirmHandler, Outcome};
pub use self::channel::consumer::{Consumer, ConsumerEnd};
pub use self::channel::message::{Delivery, Message, Returned};
pub use self::channel::request::DeclaredQueue;
pub use self::connection::{Channel, ConfirmFuture, Connection, Publish};
pub use self::error::{BrokerError, Error, InvalidArgument};
pub use self::options::{Login, Options};
pub use self::wire::MAX_NAME;
pub use self::wire::client_method::{ConsumeOptions, ExchangeDeclare, QueueDeclare};
pub use self::wire::properties::{Properties, PropertiesBuilder};
pub use self::wire::table::{Field, FieldTable, Fields, Value};
pub use self::wire::text::Text;
