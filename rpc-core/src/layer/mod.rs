//! Middleware: tower layers around calls, on both sides, over one request type and one response type.
//!
//! [`from_fn`] makes a layer from a function. [`ServerBuilder::layer`] and [`ClientBuilder::layer`] add it.
//!
//! Servers and clients without layers take a fast path that does not use this module. Where there is a
//! [serializer](crate::serializer) as well, layers see what travels: a client's layers run after the serializer, a
//! server's before it.
//!
//! [`ServerBuilder::layer`]: crate::server::ServerBuilder::layer
//! [`ClientBuilder::layer`]: crate::ClientBuilder::layer

mod error;
mod from_fn;
mod request;
mod service;

pub use self::error::{BoxError, InnermostError};
pub use self::from_fn::{FromFn, FromFnService, Next, from_fn};
pub(crate) use self::request::Innermost;
pub use self::request::{RpcRequest, RpcResponse};
pub use self::service::{RpcLayer, RpcService};
