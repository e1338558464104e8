//! Arguments travel by name: a map, written and read without an intermediate form.

mod absent;
mod decode;
mod encode;
mod report;
mod rest;
mod tuple;

pub use self::decode::{decode_args, decode_args_and_rest};
pub use self::encode::{encode_args, encode_args_and_rest};
pub use self::rest::Rest;
pub use self::tuple::{ArgRefs, ArgTuple};

#[cfg(test)]
mod tests;
