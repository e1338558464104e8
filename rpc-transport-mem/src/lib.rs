//! A message broker inside the process, for [`rpc_core`].
//!
//! ```
//! use rpc_core::{Context, RpcClient, Server, Target, endpoint};
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
//! It is for programs whose parts live in one process and may part later, and for tests: nothing runs in the background,
//! nothing polls, and tokio's paused clock works. Which broker a transport reaches is decided when it is made:
//!
//! - [`MemTransport::new`]: a broker of its own, reached by the transport's clones only;
//! - [`MemTransport::named`], or the URL `mem://name`: the one of that name, which the process shares;
//! - [`MemTransport::builder`]: one with other settings.
//!
//! How messages find their way is said at [`MemTransport`]. What can go wrong between programs goes wrong here on request
//! and by a seed: [`Faults`].

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
pub use self::faults::{Fault, FaultEvent, FaultLog, Faults};
pub use self::transport::MemTransport;
