//! Rewriting context, arguments and results as values, without the methods knowing: encryption, versioned objects.
//!
//! The four hooks of oslo.messaging's `Serializer`, called in its order: a client rewrites the arguments with the caller's
//! own context and then the context; a server reads the context first, then the arguments with it, and rewrites the
//! result with it; the client reads the result with the caller's own context. Failures never pass through.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, DecodeLimits, EncodeError, Payload};
use crate::context::ContextEntries;
use crate::value::{Map, Value};

/// Why a serializer did not let something pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerializerError {
    /// The name of the argument, where it is about one.
    argument: Option<String>,
    reason: String,
}

impl SerializerError {
    /// The error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { argument: None, reason: reason.into() }
    }

    fn of_argument(self, name: &str) -> Self {
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

/// Rewrites what travels. Every hook defaults to leaving things as they are.
///
/// Client and server are each told of their own with `serializer(…)` when they are built.
///
/// What a hook returns is encoded once more. A message in which no value changed keeps its bytes;
/// in one where some did, two things hold for all its values: the keys of maps have become text,
/// which MessagePack does not read back as the numbers they were in a `BTreeMap<u32, _>`; and over
/// JSON bytes are arrays of numbers, so encrypt to text.
///
/// ```
/// use rpc_core::serializer::{Serializer, SerializerError};
/// use rpc_core::{ContextEntries, Value};
///
/// /// Sends text backwards.
/// struct Backwards;
///
/// impl Serializer for Backwards {
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
/// # let there = Backwards.serialize_entity(&ContextEntries::default(), "abc".into())?;
/// # assert_eq!(there, Value::from("cba"));
/// # Ok::<(), SerializerError>(())
/// ```
pub trait Serializer: Send + Sync + 'static {
    /// The context as it travels.
    ///
    /// # Errors
    ///
    /// Refusing ends the call before anything is sent.
    fn serialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        Ok(entries)
    }

    /// The context as methods see it.
    ///
    /// # Errors
    ///
    /// Refusing is answered with a failure; the method does not run.
    fn deserialize_context(
        &self,
        entries: ContextEntries,
    ) -> Result<ContextEntries, SerializerError> {
        Ok(entries)
    }

    /// An argument or a result as it travels.
    ///
    /// # Errors
    ///
    /// Refusing an argument ends the call before anything is sent; refusing a result is answered with a failure.
    fn serialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }

    /// An argument as methods see it, or a result as callers do.
    ///
    /// # Errors
    ///
    /// Refusing an argument is answered with a failure, and the method does not run; refusing a result ends the call.
    fn deserialize_entity(
        &self,
        ctx: &ContextEntries,
        value: Value,
    ) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }
}

/// What a client sends in place of these entries and arguments.
pub(crate) fn outgoing(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    args: &Payload,
    limits: &DecodeLimits,
) -> Result<(ContextEntries, Payload), SerializerError> {
    let args = each_argument(args, limits, |value| serializer.serialize_entity(entries, value))?;
    Ok((serializer.serialize_context(entries.clone())?, args))
}

/// What a server's method sees in place of these entries and arguments.
pub(crate) fn incoming(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    args: &Payload,
    limits: &DecodeLimits,
) -> Result<(ContextEntries, Payload), SerializerError> {
    let entries = serializer.deserialize_context(entries.clone())?;
    let args = each_argument(args, limits, |value| serializer.deserialize_entity(&entries, value))?;
    Ok((entries, args))
}

/// What a server answers in place of this result.
pub(crate) fn outgoing_result(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    result: &Payload,
    limits: &DecodeLimits,
) -> Result<Payload, SerializerError> {
    rewritten(result, limits, |value: Value| serializer.serialize_entity(entries, value))
}

/// What a caller gets in place of this result.
pub(crate) fn incoming_result(
    serializer: &dyn Serializer,
    entries: &ContextEntries,
    result: &Payload,
    limits: &DecodeLimits,
) -> Result<Payload, SerializerError> {
    rewritten(result, limits, |value: Value| serializer.deserialize_entity(entries, value))
}

fn each_argument(
    args: &Payload,
    limits: &DecodeLimits,
    rewrite: impl Fn(Value) -> Result<Value, SerializerError>,
) -> Result<Payload, SerializerError> {
    rewritten(args, limits, |mut map: Map| {
        for (name, value) in map.iter_mut() {
            *value = rewrite(std::mem::take(value)).map_err(|error| error.of_argument(name))?;
        }
        Ok(map)
    })
}

/// The payload with its value rewritten; where that changed nothing the very same bytes, which may
/// hold more than a [`Value`] does, and serializers that are for the context only are common.
fn rewritten<T: DeserializeOwned + Serialize + Clone + PartialEq>(
    payload: &Payload,
    limits: &DecodeLimits,
    rewrite: impl FnOnce(T) -> Result<T, SerializerError>,
) -> Result<Payload, SerializerError> {
    let codec = payload.codec();
    let before: T = codec.decode(payload.bytes(), limits)?;
    let after = rewrite(before.clone())?;
    if after == before {
        return Ok(payload.clone());
    }
    Ok(Payload::new(codec, codec.encode(&after)?))
}

#[cfg(test)]
mod tests;
