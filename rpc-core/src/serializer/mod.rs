//! Transforms contexts, arguments and results, for example to encrypt them.
//!
//! A [`Serializer`] has the four hooks of oslo.messaging's `Serializer`, which are called in the
//! same order:
//!
//! 1. The client serializes the arguments with the caller's context, then the context.
//! 2. The server deserializes the context, then the arguments with it.
//! 3. The server serializes the result with that context.
//! 4. The client deserializes the result with the caller's context.
//!
//! Failures are not transformed.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, DecodeLimits, EncodeError, Payload};
use crate::context_entries::ContextEntries;
use crate::value::{Map, Value};

/// The error of a serializer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerializerError {
    /// The name of the argument, if the error is about one.
    argument: Option<String>,
    reason: String,
}

impl SerializerError {
    /// Creates an error with a reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { argument: None, reason: reason.into() }
    }

    fn with_argument(self, name: &str) -> Self {
        Self { argument: Some(name.to_owned()), ..self }
    }
}

impl fmt::Display for SerializerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(name) => write!(f, "serializer: argument `{}`: ", name.escape_debug())?,
            None => f.write_str("serializer: ")?,
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for SerializerError {}

impl From<DecodeError> for SerializerError {
    fn from(error: DecodeError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<EncodeError> for SerializerError {
    fn from(error: EncodeError) -> Self {
        Self::new(error.to_string())
    }
}

/// Transforms contexts, arguments and results. By default, every hook returns its input unchanged.
///
/// Set a serializer with [`ServerBuilder::serializer`](crate::server::ServerBuilder::serializer)
/// and [`ClientBuilder::serializer`](crate::ClientBuilder::serializer).
///
/// The server and the client encode the returned values again. A message in which no value has
/// changed keeps its bytes. With or without a serializer, values keep their
/// [shape](crate::Codec#shape-of-values). JSON encodes bytes as arrays of numbers: if you encrypt
/// values, encrypt to text.
///
/// ```
/// use rpc_core::serializer::{Serializer, SerializerError};
/// use rpc_core::{ContextEntries, Value};
///
/// /// Reverses text.
/// struct Reverse;
///
/// impl Serializer for Reverse {
///     fn serialize_entity(&self, _: &ContextEntries, value: Value) -> Result<Value, SerializerError> {
///         Ok(match value {
///             Value::String(text) => text.chars().rev().collect::<String>().into(),
///             other => other,
///         })
///     }
///
///     fn deserialize_entity(&self, ctx: &ContextEntries, value: Value) -> Result<Value, SerializerError> {
///         self.serialize_entity(ctx, value)
///     }
/// }
/// # let there = Reverse.serialize_entity(&ContextEntries::default(), "abc".into())?;
/// # assert_eq!(there, Value::from("cba"));
/// # Ok::<(), SerializerError>(())
/// ```
pub trait Serializer: Send + Sync + 'static {
    /// Serializes the context before it is sent.
    ///
    /// # Errors
    ///
    /// An error fails the call before anything is sent.
    fn serialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        Ok(entries)
    }

    /// Deserializes the context for the method.
    ///
    /// # Errors
    ///
    /// An error is sent to the caller as a failure. The method does not run.
    fn deserialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        Ok(entries)
    }

    /// Serializes an argument or a result before it is sent.
    ///
    /// # Errors
    ///
    /// An error in an argument fails the call before anything is sent. An error in a result is sent
    /// to the caller as a failure.
    fn serialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }

    /// Deserializes an argument for the method, or a result for the caller.
    ///
    /// # Errors
    ///
    /// An error in an argument is sent to the caller as a failure, and the method does not run. An
    /// error in a result fails the call.
    fn deserialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }
}

/// Serializes the entries and arguments of a request, for the client.
pub(crate) fn serialize_request(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    args: &Payload,
    limits: &DecodeLimits,
) -> Result<(ContextEntries, Payload), SerializerError> {
    let args = transform_args(args, limits, |value| serializer.serialize_entity(entries, value))?;
    Ok((serializer.serialize_context(entries.clone())?, args))
}

/// Deserializes the entries and arguments of a request, for the server.
pub(crate) fn deserialize_request(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    args: &Payload,
    limits: &DecodeLimits,
) -> Result<(ContextEntries, Payload), SerializerError> {
    let entries = serializer.deserialize_context(entries.clone())?;
    let args =
        transform_args(args, limits, |value| serializer.deserialize_entity(&entries, value))?;
    Ok((entries, args))
}

/// Serializes a result, for the server.
pub(crate) fn serialize_result(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    result: &Payload,
    limits: &DecodeLimits,
) -> Result<Payload, SerializerError> {
    transform_payload(result, limits, |value: Value| serializer.serialize_entity(entries, value))
}

/// Deserializes a result, for the client.
pub(crate) fn deserialize_result(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    result: &Payload,
    limits: &DecodeLimits,
) -> Result<Payload, SerializerError> {
    transform_payload(result, limits, |value: Value| serializer.deserialize_entity(entries, value))
}

/// Applies `transform` to each argument.
fn transform_args(
    args: &Payload,
    limits: &DecodeLimits,
    transform: impl Fn(Value) -> Result<Value, SerializerError>,
) -> Result<Payload, SerializerError> {
    transform_payload(args, limits, |mut map: Map| {
        for (name, value) in map.iter_mut() {
            *value = transform(std::mem::take(value)).map_err(|error| error.with_argument(name))?;
        }
        Ok(map)
    })
}

/// Applies `transform` to the value of a payload.
///
/// If the value has not changed, the result has the same bytes, because they may contain more than
/// a [`Value`] can represent. Serializers that transform only the context are common.
///
/// The value is not copied to find out: its encodings before and after are compared. They are two
/// blocks of bytes, and a copy would be an allocation for every string and map within.
fn transform_payload<T: DeserializeOwned + Serialize>(
    payload: &Payload,
    limits: &DecodeLimits,
    transform: impl FnOnce(T) -> Result<T, SerializerError>,
) -> Result<Payload, SerializerError> {
    let codec = payload.codec();
    let value: T = payload.decode(limits)?;
    let before = codec.encode(&value)?;
    let after = codec.encode(&transform(value)?)?;
    if after == before {
        return Ok(payload.clone());
    }
    Ok(Payload::encoded_here(codec, after))
}

#[cfg(test)]
mod tests;
