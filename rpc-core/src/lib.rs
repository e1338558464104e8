//! Typed RPC servers and clients over any messaging transport.

#[path = "private/mod.rs"]
#[doc(hidden)]
pub mod __private;
mod client;
mod codec;
mod context;
mod dispatch;
mod endpoint;
pub mod error;
mod eventual;
mod in_process;
pub mod layer;
mod message;
pub mod registry;
pub mod serializer;
pub mod server;
mod sync;
mod target;
mod trace;
pub mod transport;
mod value;
mod version;
pub mod waiters;

pub use client::{Call, Cast, ClientBuilder, Retry, RpcClient};
pub use codec::{Codec, DecodeError, DecodeErrorKind, EncodeError, Limits, Payload};
pub use context::{Context, Entries};
pub use endpoint::{
    ArgDescriptor, Args, BoxFuture, Descriptor, Endpoint, ExpectedDescriptor, Invoke,
    MethodDescriptor, TypeName,
};
pub use error::{CallError, RpcError};
pub use eventual::Eventual;
pub use message::{Failure, FailureKind, MessageId, Outcome, Request};
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
pub use trace::{ParseTraceError, TraceContext};
pub use transport::{Transport, Transports};
pub use value::{Map, Value, from_value, to_value};
pub use version::{ParseVersionError, Version};
