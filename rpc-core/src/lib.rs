//! Typed remote procedure calls over a message broker: annotate an `impl` block, get a server and a client.
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
//! This crate holds everything but the transports: `rpc-transport-mem` is a broker inside the process. What is known
//! from oslo.messaging (targets, namespaces, versions, fanout, expected errors) means here what it means there.
//!
//! # Endpoints
//!
//! [`#[endpoint]`](macro@endpoint) makes the `pub` methods of an `impl` block callable from outside. The first parameter after
//! `&self` is the request's [`Context`], the others travel by name, the result is whatever `serde` can write. It goes on
//! traits as well, for an interface in a crate of its own.
//!
//! Beside the `impl`, which stays as it is, there are then an implementation of [`Endpoint`] (a description that tools
//! can read, and the functions that run the methods) and a client: `Greeter` gets `GreeterClient`.
//!
//! # Servers
//!
//! A [`Server`] listens on a topic under a name of its own, and runs what comes: acknowledge, look up, invoke, reply.
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
//!     signal: impl Future,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder(transport, Target::topic("greetings").server("greeter-1"))
//!         .endpoint(Greeter)
//!         .concurrency(Concurrency::Limit(16))         // 64 unless told
//!         .shutdown_timeout(Duration::from_secs(10))  // 30 s unless told
//!         .build()?;                             // all mistakes at once
//!     let report = server.run_until(signal).await?;
//!     println!("{report}");
//!     Ok(())
//! }
//! ```
//!
//! [`start`](Server::start) instead of [`run_until`](Server::run_until) gives a [`RunningServer`] to stop and wait for; a
//! [`StopHandle`] exists before the server does, so that one of its endpoints can own it. The [`server`] module has the
//! options.
//!
//! # Clients
//!
//! A generated client has a method for each remote one. It returns a [`Call`], which is sent when it is awaited; what is
//! particular to this call is said in between. What is particular to a client is said by `prepare`.
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
//! greeter.forget(&ctx).cast().await?;   // one server, no answer
//! greeter.forget(&ctx).fanout().await?; // every server, no answer
//!
//! let patient = greeter.prepare().timeout(Duration::from_secs(600)).build();
//! patient.greet(&ctx, "bob".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`RpcClient`] underneath calls methods by name, for programs that know the names only at run time.
//!
//! # Errors
//!
//! A call fails with a [`CallError`], and every one says whether the method [ran](CallError::ran) and whether the call
//! [may be sent again](CallError::may_retry). Errors that a method names in [`#[expected]`](macro@expected) reach the caller as
//! the Rust values they are, one variant each of a generated enum. All others, and panics, are logged at the server and
//! reach the caller as an opaque [`RemoteError`](error::RemoteError).
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
//! # Deadlines
//!
//! A call has 60 s unless told otherwise, from its first poll to its end. What is left travels with it: a method reads it
//! from its context ([`Context::remaining`]), a request that expired in a queue is not run, and a call made with a received
//! context has no more than what is left of that one. Dropping a call gives it up, and the method is told
//! ([`Context::cancelled`]).
//!
//! # Versions
//!
//! `#[endpoint(version = "1.2")]` serves requests for 1.0, 1.1 and 1.2. `#[since("1.2")]` on a method, or on an `Option` argument, makes
//! clients ask for 1.2 only when they use it. Endpoints of several versions stand side by side on one server: the
//! first one whose [`Version`] fits is asked.
//!
//! # Middleware
//!
//! - [`layer`]: tower layers, around all calls of a server or a client.
//! - [`serializer`]: rewrites context, arguments and results as values.
//! - [`server::AccessPolicy`]: hides methods from callers.
//! - Spans and events of [`tracing`](https://docs.rs/tracing), with the targets `rpc_core::server` and `rpc_core::client`. A W3C
//!   [`TraceContext`] is carried from caller to method.
//!
//! # Transports
//!
//! [`Transports`] picks one by URL, so that a deployment's configuration decides and not the code. A transport implements the
//! traits in [`transport`]; [`pending_calls`] is the half of it that all transports need.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `macros` | yes | [`#[endpoint]`](macro@endpoint), [`#[expected]`](macro@expected), [`#[derive(RpcError)]`](derive@RpcError) |

#[path = "private/mod.rs"]
#[doc(hidden)]
pub mod __private;
mod client;
mod codec;
mod context;
mod endpoint;
pub mod error;
mod in_process;
pub mod layer;
mod maybe_ready;
mod message;
pub mod pending_calls;
mod ping;
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

pub use client::{Call, Cast, ClientBuilder, Retry, RpcClient};
pub use codec::{Codec, DecodeError, DecodeErrorKind, DecodeLimits, EncodeError, Payload};
pub use context::{Context, ContextEntries};
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
