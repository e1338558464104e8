//! Bounds that generated code asks for at the place where the user wrote the type.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::Rest;
use crate::error::RpcError;

/// An argument: the client writes it, the server reads it.
pub const fn argument<T: Serialize + DeserializeOwned>() {}

/// The argument that takes all others.
pub const fn rest<T: Rest>() {}

/// What a method returns on success: the server writes it, the client reads it.
pub const fn returned<T: Serialize + DeserializeOwned>() {}

/// An entry of `#[expected(…)]`.
pub const fn expected<T: RpcError + Serialize + DeserializeOwned>() {}
