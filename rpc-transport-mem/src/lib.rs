//! An in-process message broker for [`rpc_core`].
//!
//! Use it to test services without a network, and for programs whose parts run in one process today and in several
//! later: clients and servers are the same over every transport.
//!
//! # Example
//!
//! ```
//! use rpc_core::{Context, Server, Target, endpoint};
//! use rpc_transport_mem::MemTransport;
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
//! let transport = MemTransport::new();
//! let server = Server::builder(transport.clone(), Target::topic("echo").server("echo-1"))
//!     .endpoint(Echo)
//!     .build()?
//!     .start()
//!     .await?;
//!
//! let echo = EchoClient::new(transport, Target::topic("echo"));
//! assert_eq!(echo.echo(&Context::new(), "hi".into()).await?, "hi");
//! # server.stop();
//! # server.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Choosing a broker
//!
//! | broker | created by |
//! |---|---|
//! | of its own, reached by clones of the transport only | [`MemTransport::new`], URL `mem://` |
//! | by name, shared by the process | [`MemTransport::named`], URL `mem://name` |
//! | with other settings | [`MemTransport::builder`] |
//!
//! # Behavior
//!
//! [`MemTransport`] documents how messages are queued, dispatched, acknowledged and redelivered. The broker has no
//! background task and polls nothing, so tokio's paused clock works.
//!
//! # Fault injection
//!
//! A [`FaultPlan`] makes the broker lose, delay, duplicate and reorder messages, fail acknowledgements and crash
//! listeners. A seed makes the faults reproducible.
//!
//! ```
//! use rpc_transport_mem::{Fault, FaultPlan, MemTransport};
//!
//! let plan = FaultPlan::with_seed(7).probability(Fault::Duplicate, 0.1);
//! let transport = MemTransport::builder().faults(plan).build();
//! # let _ = transport;
//! ```

mod broker;
mod builder;
mod client;
mod factory;
mod faults;
mod queue;
mod server;
mod topic;
mod transport;

pub use self::builder::MemBuilder;
pub use self::factory::MemFactory;
pub use self::faults::{Fault, FaultEvent, FaultLog, FaultPlan};
pub use self::transport::MemTransport;
