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

mod address;
mod broker;
mod config;
mod delivery;
mod factory;
mod fault_log;
mod faults;
mod faulty;
mod hand_over;
mod listener;
mod message;
mod queue;
mod sender;
mod slots;
mod state;
mod topic;
mod transport;
mod wakes;

pub use self::config::MemBuilder;
pub use self::factory::MemFactory;
pub use self::fault_log::{FaultEvent, FaultLog};
pub use self::faults::{Fault, Faults};
pub use self::transport::MemTransport;
