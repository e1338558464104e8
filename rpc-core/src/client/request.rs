//! Makes the request of a call: encodes its arguments, applies the serializer and checks the version cap.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;

use super::failure::call_info;
use super::settings::Settings;
use crate::codec::{Codec, Payload, Shape};
use crate::context::Context;
use crate::error::{RejectReason, Rejected};
use crate::message::{Request, RequestState};
use crate::serializer;
use crate::transport::{Destination, Route};
use crate::version::Version;

/// The method that a call names.
pub(super) struct MethodCall {
    pub(super) namespace: Option<Cow<'static, str>>,
    pub(super) method: Cow<'static, str>,
    /// The version that the arguments need, where the caller knows it.
    pub(super) needs: Option<Version>,
}

/// A request that is ready to be sent, or why it must not be sent. Two words wide, so that it moves in registers.
pub(super) type PreparedRequest = Result<Arc<Request>, Box<Rejection>>;

/// Why the client does not send a call.
pub(super) struct Rejection {
    pub(super) reason: RejectReason,
    pub(super) message: String,
    pub(super) method: Cow<'static, str>,
}

impl Rejection {
    /// Returns the caller's error.
    pub(super) fn to_error(&self, settings: &Settings, started: Option<Instant>) -> Rejected {
        let info = call_info(settings, None, &self.method, started);
        Rejected::new(self.reason.clone(), &self.message, info)
    }
}

/// Returns the route of a request, or why its target cannot be sent to.
pub(super) fn check_target<'a>(
    settings: &'a Settings,
    request: &Request,
) -> Result<&'a Route, Box<Rejection>> {
    match settings.route.as_deref() {
        Some(route) if !request.wants_reply || route.destination != Destination::Fanout => {
            Ok(route)
        }
        route => Err(invalid_target(settings, request, route.is_none())),
    }
}

#[cold]
fn invalid_target(settings: &Settings, request: &Request, no_topic: bool) -> Box<Rejection> {
    let target = &settings.target;
    let message = match no_topic {
        true => format!("a topic is required to send: {target}"),
        false => format!("a fanout cannot be called, only cast: {target}"),
    };
    let method = request.method.clone();
    Box::new(Rejection { reason: RejectReason::InvalidTarget, message, method })
}

/// Makes the request of a call whose arguments were encoded.
///
/// The deadline is set when the call starts.
pub(super) fn prepare(
    settings: &Settings,
    ctx: &Context,
    call: MethodCall,
    args: Result<Bytes, impl ToString>,
) -> PreparedRequest {
    let args = match args {
        Ok(args) => args,
        Err(error) => return Err(unencodable(call.method, &error.to_string())),
    };
    let mut args = Payload::encoded_here(settings.codec, args);
    let mut entries = ctx.entries().clone();
    if let Some(serializer) = &settings.serializer {
        match serializer::serialize_request(&**serializer, &entries, &args, &settings.limits) {
            Ok(outgoing) => (entries, args) = outgoing,
            Err(error) => return Err(invalid_arguments(call.method, error.to_string())),
        }
    }
    let version = settings.target.version.or(call.needs);
    if let Some(cap) = settings.version_cap
        && !Version::serves_maybe(Some(cap), version)
    {
        return Err(above_cap(call.method, version.unwrap_or(Version::V1_0), cap));
    }
    Ok(Arc::new(Request {
        id: settings.ids.next(),
        namespace: settings.target.namespace.clone().or(call.namespace),
        method: call.method,
        version: version.unwrap_or(Version::V1_0),
        entries,
        trace: ctx.trace().map(|trace| Box::new(trace.clone())),
        args,
        deadline: None,
        monitor: settings.monitor,
        wants_reply: true,
        state: RequestState::default(),
    }))
}

#[cold]
fn unencodable(method: Cow<'static, str>, error: &str) -> Box<Rejection> {
    invalid_arguments(method, format!("the arguments cannot be encoded: {error}"))
}

#[cold]
fn invalid_arguments(method: Cow<'static, str>, message: String) -> Box<Rejection> {
    Box::new(Rejection { reason: RejectReason::InvalidArguments, message, method })
}

#[cold]
fn above_cap(method: Cow<'static, str>, requested: Version, cap: Version) -> Box<Rejection> {
    let message = format!(
        "version {requested} is not within the version cap {cap}: majors must be equal, the rest \
         not newer"
    );
    Box::new(Rejection { reason: RejectReason::VersionCap { requested, cap }, message, method })
}

/// Encodes the arguments of an untyped call. `()` means no arguments.
pub(super) fn encode_arguments(
    codec: Codec,
    args: &(impl Serialize + ?Sized),
) -> Result<Bytes, String> {
    let bytes = codec.encode(args).map_err(|error| error.to_string())?;
    match codec.shape_of(&bytes) {
        Shape::Map => Ok(bytes),
        Shape::Nil => Ok(Bytes::from_static(codec.empty_map())),
        Shape::Other => Err("arguments travel by name: pass a struct or a map with one field for \
                             each, or `()` for none"
            .to_owned()),
    }
}
