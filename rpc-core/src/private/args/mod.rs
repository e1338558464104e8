//! Encodes and decodes arguments as a map of their names, without an intermediate representation.

mod decode;
mod encode;
mod errors;
mod missing;
mod rest;
mod tuple;

pub use self::decode::{decode_args, decode_args_and_rest};
pub use self::encode::{encode_args, encode_args_and_rest};
pub use self::rest::Rest;
pub use self::tuple::{ArgRefs, ArgTuple};

#[cfg(test)]
mod tests;
