//! Clients.
//!
//! [`RpcClient`] is untyped; `#[endpoint]` generates typed clients on top of it. Both share one path: the arguments are
//! encoded when the call is made, and a [`Call`] is sent when it is first polled. Its state (`call_state`) is small. A
//! call with a layer, a retry policy or an enabled span runs as a boxed future (`layered_call`), so that the fast path stays
//! small.

mod attempt;
mod builder;
mod call;
mod call_state;
mod failure;
mod layered_call;
mod request;
mod retry;
mod settings;
mod span;
mod target_variants;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

pub use self::builder::ClientBuilder;
pub use self::call::{Call, Cast};
use self::call_state::CallState;
use self::request::MethodCall;
pub use self::retry::Retry;
use self::settings::Settings;
use crate::codec::{Codec, EncodeError};
use crate::context::Context;
use crate::target::Target;
use crate::transport::Transport;
use crate::version::Version;

/// Calls methods by name.
///
/// Cloning is cheap; clones share their transport. [`prepare`](Self::prepare) changes settings and leaves this client as
/// it is: the counterpart of oslo.messaging's `prepare` and its call contexts.
///
/// ```
/// # use rpc_core::{RpcClient, Context, CallError, Map, Value};
/// # async fn example(client: RpcClient) -> Result<(), CallError> {
/// let mut args = Map::new();
/// args.insert("account", "ada");
/// let cents: u64 = client.call(&Context::new(), "balance", &args).await?;
/// client.call::<()>(&Context::new(), "close_day", &()).cast().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RpcClient(Arc<Settings>);

impl RpcClient {
    /// Creates a client of `target` with the default settings: a timeout of 60 s, no version cap, no retries.
    ///
    /// The target is checked when a call is made, as in oslo.messaging.
    pub fn new(transport: impl Into<Arc<dyn Transport>>, target: Target) -> Self {
        Self::builder(transport, target).build()
    }

    /// Starts to configure a client of `target`.
    pub fn builder(
        transport: impl Into<Arc<dyn Transport>>,
        target: Target,
    ) -> ClientBuilder<Self> {
        ClientBuilder::new(Settings::new(transport.into(), target))
    }

    /// Starts to configure a client that differs from this one. This one stays as it is.
    pub fn prepare(&self) -> ClientBuilder<Self> {
        self.__prepare()
    }

    /// Does what [`prepare`](Self::prepare) does, for generated clients.
    #[doc(hidden)]
    pub fn __prepare<C: From<Self>>(&self) -> ClientBuilder<C> {
        ClientBuilder::new((*self.0).clone())
    }

    /// Calls `method` with `args`: a struct or map with a field for each argument, or `()` for none.
    ///
    /// Nothing is sent before the call is awaited.
    pub fn call<T>(
        &self,
        ctx: &Context,
        method: impl Into<Cow<'static, str>>,
        args: &(impl Serialize + ?Sized),
    ) -> Call<T> {
        let call = MethodCall { namespace: None, method: method.into(), needs: None };
        let args = request::encode_arguments(self.codec(), args);
        Call::new(CallState::new(&self.0, ctx, request::prepare(&self.0, ctx, call, args)))
    }

    /// Calls a method with arguments that are encoded, for generated clients.
    #[doc(hidden)]
    pub fn __call<T, E>(
        &self,
        ctx: &Context,
        namespace: Option<&'static str>,
        method: &'static str,
        needs: Version,
        args: Result<Bytes, EncodeError>,
    ) -> Call<T, E> {
        let call = MethodCall {
            namespace: namespace.map(Cow::Borrowed),
            method: Cow::Borrowed(method),
            needs: Some(needs),
        };
        Call::new(CallState::new(&self.0, ctx, request::prepare(&self.0, ctx, call, args)))
    }

    /// Returns whether the version cap admits `version`, or the target's version where none is given: oslo.messaging's
    /// `can_send_version`. Without a cap it is always true.
    #[must_use]
    pub fn can_send_version(&self, version: Option<Version>) -> bool {
        Version::serves_maybe(self.0.version_cap, version.or(self.0.target.version))
    }

    /// Returns the encoding of this client's arguments, which its transport chose.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.0.codec
    }

    /// Returns where calls go.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// Returns the transport.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient").field("target", &self.0.target).finish_non_exhaustive()
    }
}
