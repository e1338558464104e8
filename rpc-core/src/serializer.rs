//! Rewriting context, arguments and results as values, without the methods knowing: encryption, versioned objects.
//!
//! The four hooks of oslo.messaging's `Serializer`, called in its order: a client rewrites the arguments with the caller's
//! own context and then the context; a server reads the context first, then the arguments with it, and rewrites the
//! result with it; the client reads the result with the caller's own context. Failures never pass through.

use std::fmt;

use crate::codec::{Codec, DecodeError, EncodeError, Limits, Payload};
use crate::context::Entries;
use crate::value::{Map, Value};

/// Why a serializer refused a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerializerError(String);

impl SerializerError {
    /// The error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for SerializerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the serializer refused: {}", self.0)
    }
}

impl std::error::Error for SerializerError {}

impl From<DecodeError> for SerializerError {
    fn from(error: DecodeError) -> Self {
        Self(error.to_string())
    }
}

impl From<EncodeError> for SerializerError {
    fn from(error: EncodeError) -> Self {
        Self(error.to_string())
    }
}

/// Rewrites what travels. Every hook defaults to leaving things as they are.
pub trait Serializer: Send + Sync + 'static {
    /// The context as it travels.
    ///
    /// # Errors
    ///
    /// Refusing ends the call before anything is sent.
    fn serialize_context(&self, entries: Entries) -> Result<Entries, SerializerError> {
        Ok(entries)
    }

    /// The context as methods see it.
    ///
    /// # Errors
    ///
    /// Refusing is answered with a failure; the method does not run.
    fn deserialize_context(&self, entries: Entries) -> Result<Entries, SerializerError> {
        Ok(entries)
    }

    /// An argument or a result as it travels.
    ///
    /// # Errors
    ///
    /// Refusing an argument ends the call before anything is sent; refusing a result is answered with a failure.
    fn serialize_entity(&self, ctx: &Entries, value: Value) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }

    /// An argument as methods see it, or a result as callers do.
    ///
    /// # Errors
    ///
    /// Refusing an argument is answered with a failure, and the method does not run; refusing a result ends the call.
    fn deserialize_entity(&self, ctx: &Entries, value: Value) -> Result<Value, SerializerError> {
        let _ = ctx;
        Ok(value)
    }
}

/// What a client sends in place of these entries and arguments.
pub(crate) fn outgoing(
    serializer: &dyn Serializer,
    entries: &Entries,
    args: &Payload,
    limits: &Limits,
) -> Result<(Entries, Payload), SerializerError> {
    let args = each_argument(args, limits, |value| serializer.serialize_entity(entries, value))?;
    Ok((serializer.serialize_context(entries.clone())?, args))
}

/// What a server's method sees in place of these entries and arguments.
pub(crate) fn incoming(
    serializer: &dyn Serializer,
    entries: &Entries,
    args: &Payload,
    limits: &Limits,
) -> Result<(Entries, Payload), SerializerError> {
    let entries = serializer.deserialize_context(entries.clone())?;
    let args = each_argument(args, limits, |value| serializer.deserialize_entity(&entries, value))?;
    Ok((entries, args))
}

/// What a server answers in place of this result.
pub(crate) fn outgoing_result(
    serializer: &dyn Serializer,
    entries: &Entries,
    result: &Payload,
    limits: &Limits,
) -> Result<Payload, SerializerError> {
    let value = result.codec().decode::<Value>(result.bytes(), limits)?;
    encoded(result.codec(), &serializer.serialize_entity(entries, value)?)
}

/// What a caller gets in place of this result.
pub(crate) fn incoming_result(
    serializer: &dyn Serializer,
    entries: &Entries,
    result: &Payload,
    limits: &Limits,
) -> Result<Payload, SerializerError> {
    let value = result.codec().decode::<Value>(result.bytes(), limits)?;
    encoded(result.codec(), &serializer.deserialize_entity(entries, value)?)
}

fn each_argument(
    args: &Payload,
    limits: &Limits,
    rewrite: impl Fn(Value) -> Result<Value, SerializerError>,
) -> Result<Payload, SerializerError> {
    let mut map = args.codec().decode::<Map>(args.bytes(), limits)?;
    for (_, value) in map.iter_mut() {
        *value = rewrite(std::mem::take(value))?;
    }
    encoded(args.codec(), &Value::Map(map))
}

fn encoded(codec: Codec, value: &Value) -> Result<Payload, SerializerError> {
    Ok(Payload::new(codec, codec.encode(value)?))
}
