//! Typed remote procedure calls over a message broker.
//!
//! Annotate an `impl` block with [`#[endpoint]`](macro@endpoint). The macro generates the dispatch
//! for a server and a typed client. A *transport* connects them: in process (`rpc-transport-mem`)
//! or over RabbitMQ (`rpc-transport-amqp`), where the other side may be a Python service that uses
//! oslo.messaging.
//!
//! # Example
//!
//! ```
//! use rpc_core::{Context, endpoint};
//!
//! struct Greeter;
//!
//! #[endpoint(namespace = "greetings")]
//! impl Greeter {
//!     pub async fn greet(&self, _ctx: &Context, name: String) -> String {
//!         format!("hello {name}")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), rpc_core::CallError> {
//! let greeter = GreeterClient::in_process(Greeter); // generated
//! assert_eq!(greeter.greet(&Context::new(), "ada".into()).await?, "hello ada");
//! # Ok(())
//! # }
//! ```
//!
//! # Endpoints
//!
//! [`#[endpoint]`](macro@endpoint) makes the `pub` methods of an `impl` block remote. The first
//! parameter after `&self` is the request's [`Context`]. The other parameters are sent by name.
//! Arguments and results are any types that implement serde's `Serialize` and `Deserialize`. On a
//! trait, the macro defines an interface that servers and clients share in a crate of its own.
//!
//! The macro leaves the `impl` block unchanged. It implements [`Endpoint`] for the type and
//! generates a client: `GreeterClient` for `Greeter`.
//!
//! # Servers
//!
//! A [`Server`] consumes requests for a topic under a server name, invokes the methods and replies.
//!
//! ```
//! # use rpc_core::{Context, endpoint};
//! # struct Greeter;
//! # #[endpoint]
//! # impl Greeter {
//! #     pub fn greet(&self, _ctx: &Context) {}
//! # }
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use rpc_core::server::Concurrency;
//! use rpc_core::{Server, Target, Transport};
//!
//! async fn serve(
//!     transport: Arc<dyn Transport>,
//!     shutdown: impl Future,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder(transport, Target::topic("greetings").server("greeter-1"))
//!         .endpoint(Greeter)
//!         .concurrency(Concurrency::Limit(16))       // default: 64
//!         .shutdown_timeout(Duration::from_secs(10)) // default: 30 s
//!         .build()?;
//!     let report = server.run_until(shutdown).await?;
//!     println!("{report}");
//!     Ok(())
//! }
//! ```
//!
//! [`start`](Server::start) instead of [`run_until`](Server::run_until) returns a
//! [`RunningServer`]. A [`StopHandle`] can be created before the server, so that one of its
//! endpoints can own it. See the [`server`] module for all options.
//!
//! # Clients
//!
//! A generated client has one method per remote method. It returns a [`Call`], which is sent when
//! you await it. Per-call options are methods of the `Call`. Options for all calls of a client are
//! set with `prepare`.
//!
//! ```
//! # use rpc_core::{CallError, Context, endpoint};
//! # struct Greeter;
//! # #[endpoint]
//! # impl Greeter {
//! #     pub fn greet(&self, _ctx: &Context, name: String) -> String { name }
//! #     pub fn forget(&self, _ctx: &Context) {}
//! # }
//! # async fn example(greeter: GreeterClient) -> Result<(), CallError> {
//! # use std::time::Duration;
//! let ctx = Context::new().with("user", "ada");
//! greeter.greet(&ctx, "bob".into()).timeout(Duration::from_secs(5)).await?;
//! greeter.greet(&ctx, "bob".into()).to_server("greeter-2").await?;
//! greeter.forget(&ctx).cast().await?;   // to one server, without a reply
//! greeter.forget(&ctx).fanout().await?; // to all servers, without a reply
//!
//! let slow = greeter.prepare().timeout(Duration::from_secs(600)).build();
//! slow.greet(&ctx, "bob".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Use [`RpcClient`] to call methods whose names are known only at run time.
//!
//! # Errors
//!
//! A call fails with a [`CallError`]. It tells whether the method [ran](CallError::ran) and whether
//! the call [may be retried](CallError::may_retry).
//!
//! Errors that a method lists in [`#[expected]`](macro@expected) reach the caller as their Rust
//! type, in a generated enum. All other errors and panics are logged at the server and reach the
//! caller as an opaque [`RemoteError`](error::RemoteError).
//!
//! ```
//! use rpc_core::{CallError, Context, RpcError, endpoint};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
//! #[error("{missing} cents short")]
//! struct InsufficientFunds { missing: u64 }
//!
//! struct Ledger { cents: u64 }
//!
//! #[endpoint(namespace = "bank")]
//! impl Ledger {
//!     #[expected(InsufficientFunds)]
//!     pub fn withdraw(&self, _ctx: &Context, cents: u64) -> Result<u64, InsufficientFunds> {
//!         self.cents.checked_sub(cents).ok_or_else(|| InsufficientFunds { missing: cents - self.cents })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let bank = LedgerClient::in_process(Ledger { cents: 100 });
//! match bank.withdraw(&Context::new(), 130).await {
//!     Err(CallError::Expected(LedgerWithdrawExpected::InsufficientFunds(error))) => {
//!         assert_eq!(error.missing, 30);
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # }
//! ```
//!
//! # Deadlines and cancellation
//!
//! Every call has a deadline: by default 60 s after its first poll. The remaining time is sent with
//! the request. A method reads it from its context ([`Context::remaining`]), and calls that it
//! makes with this context inherit it. A request whose deadline passes in the queue is not
//! executed.
//!
//! Dropping a call cancels it. The method can observe that ([`Context::cancelled`]).
//!
//! # Versions
//!
//! An endpoint with `#[endpoint(version = "1.2")]` serves requests for versions 1.0, 1.1 and 1.2.
//! With `#[since("1.2")]` on a method or an `Option` argument, clients request 1.2 only if they use
//! it. A server can have endpoints of several versions. The first one whose [`Version`] serves the
//! request is used.
//!
//! # Middleware
//!
//! - [`layer`]: tower layers around all calls of a server or a client.
//! - [`serializer`]: transforms contexts, arguments and results, for example to encrypt them.
//! - [`server::AccessPolicy`]: hides methods from callers.
//! - [`tracing`](https://docs.rs/tracing): spans and events with the targets `rpc_core::server` and
//!   `rpc_core::client`. A W3C [`TraceContext`] is propagated from the caller to the method.
//!
//! # Transports
//!
//! [`Transports`] creates a transport from a URL, so that the configuration of a deployment selects
//! it. To implement a transport, implement the traits in [`transport`]. [`pending_calls`] is the
//! part that all transports need.
//!
//! # Feature flags
//!
//! | feature | default | description |
//! |---|---|---|
//! | `macros` | yes | [`#[endpoint]`](macro@endpoint), [`#[expected]`](macro@expected) and [`#[derive(RpcError)]`](derive@RpcError) |

#[path = "private/mod.rs"]
#[doc(hidden)]
pub mod __private;
mod client;
mod codec;
mod context;
mod context_entries;
mod endpoint;
pub mod error;
mod in_process;
pub mod layer;
mod maybe_ready;
mod message;
mod panics;
pub mod pending_calls;
mod ping;
mod random;
pub mod registry;
pub mod serializer;
pub mod server;
mod sync;
mod target;
mod trace;
pub mod transport;
mod untrusted;
mod value;
mod version;

/// The bytes of a [`Payload`], re-exported from the crate `bytes`.
pub use bytes::Bytes;
pub use client::{Call, Cast, ClientBuilder, Retry, RpcClient};
pub use codec::{Codec, DecodeError, DecodeErrorKind, DecodeLimits, EncodeError, Payload};
pub use context::Context;
pub use context_entries::ContextEntries;
pub use endpoint::{
    ArgDescriptor, BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor, ExpectedErrorDescriptor,
    InvokeFn, MethodDescriptor, TypeName,
};
pub use error::{CallError, RpcError};
pub use maybe_ready::MaybeReady;
pub use message::{
    Failure, FailureKind, MessageId, Outcome, ParseFailureKindError, ParseMessageIdError, Request,
};
pub use ping::Ping;
#[cfg(feature = "macros")]
#[doc = include_str!("docs/rpc_error.md")]
pub use rpc_macros::RpcError;
#[cfg(feature = "macros")]
#[doc = include_str!("docs/endpoint.md")]
pub use rpc_macros::endpoint;
#[cfg(feature = "macros")]
#[doc = include_str!("docs/expected.md")]
pub use rpc_macros::expected;
pub use server::{RunningServer, Server, StopHandle};
pub use target::{Target, TargetChange};
pub use trace::{ParseTraceContextError, TraceContext};
pub use transport::{Transport, Transports};
pub use value::{Map, Value, from_value, to_value};
pub use version::{ParseVersionError, Version};
