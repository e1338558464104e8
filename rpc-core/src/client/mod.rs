//! Calling servers.
//!
//! [`RpcClient`] is untyped; `#[endpoint]` generates typed clients on top of it. Both share one path: the arguments are
//! encoded when the call is made, a [`Call`] is sent when it is first polled, and everything after that happens in one
//! small state machine (`flight`). Calls with a layer, a retry policy or an enabled span take a boxed path of their own
//! (`detour`), so that the plain one stays small.

mod builder;
mod call;
mod detour;
mod flight;
mod retry;
mod settings;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub use self::builder::ClientBuilder;
pub use self::call::{Call, Cast};
use self::flight::{Draft, Flight};
pub use self::retry::Retry;
use self::settings::Settings;
use crate::codec::{Codec, EncodeError};
use crate::context::Context;
use crate::target::Target;
use crate::transport::Transport;
use crate::version::Version;

/// Calls methods by name.
///
/// Cheap to clone; clones share their transport. Settings are changed by [`prepare`](Self::prepare), which leaves this
/// client as it is: the counterpart of oslo.messaging's `prepare` and its call contexts.
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
    /// A client of `target` with the default settings: a time-out of 60 s, no version cap, no retries.
    ///
    /// The target is checked when a call is made, as in oslo.messaging.
    pub fn new(transport: impl Into<Arc<dyn Transport>>, target: Target) -> Self {
        Self::builder(transport, target).build()
    }

    /// A client of `target` with settings to choose.
    pub fn builder(
        transport: impl Into<Arc<dyn Transport>>,
        target: Target,
    ) -> ClientBuilder<Self> {
        ClientBuilder::new(Settings::new(transport.into(), target))
    }

    /// A client like this one with other settings; this one stays as it is.
    pub fn prepare(&self) -> ClientBuilder<Self> {
        self.__prepare()
    }

    /// For generated clients: as [`prepare`](Self::prepare).
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
        let draft = Draft { namespace: None, method: method.into(), needs: None };
        let made = match flight::encode_map(self.codec(), args) {
            Ok(args) => flight::make_request(&self.0, ctx, draft, args),
            Err(message) => flight::unencodable(draft.method, &message),
        };
        Call::new(Flight::prepare(&self.0, ctx, made))
    }

    /// For generated clients: a call whose arguments are encoded.
    #[doc(hidden)]
    pub fn __call<T, E>(
        &self,
        ctx: &Context,
        namespace: Option<&'static str>,
        method: &'static str,
        needs: Version,
        args: Result<Vec<u8>, EncodeError>,
    ) -> Call<T, E> {
        let draft = Draft {
            namespace: namespace.map(Cow::Borrowed),
            method: Cow::Borrowed(method),
            needs: Some(needs),
        };
        let made = match args {
            Ok(args) => flight::make_request(&self.0, ctx, draft, args),
            Err(error) => flight::unencodable(draft.method, &error.to_string()),
        };
        Call::new(Flight::prepare(&self.0, ctx, made))
    }

    /// Whether the version cap admits `version`, or where none is given the target's: oslo.messaging's
    /// `can_send_version`. True without a cap.
    #[must_use]
    pub fn can_send_version(&self, version: Option<Version>) -> bool {
        Version::serves_maybe(self.0.version_cap, version.or(self.0.target.version))
    }

    /// What this client encodes arguments in, as its transport asks.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.0.codec
    }

    /// Where calls go.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// What carries them there.
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
