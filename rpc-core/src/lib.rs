//! Typed RPC servers and clients over any messaging transport.

mod codec;
mod target;
mod value;
mod version;

pub use codec::{Codec, DecodeError, DecodeErrorKind, EncodeError, Limits, Payload};
pub use target::{Target, TargetChange};
pub use value::{Map, Value, from_value, to_value};
pub use version::{ParseVersionError, Version};
