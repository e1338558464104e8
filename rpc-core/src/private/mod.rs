//! The functions and types that generated code uses. They are not part of the public API and change
//! with the macros.
//!
//! Generated code names only this module and `::core`. So it also works without the prelude, and
//! without a dependency on `serde`.

mod args;
mod bench_hooks;
mod blocking;
mod errors;
mod fallible;
mod spanned;

pub use std::sync::Arc;

pub use serde;

pub use self::args::{
    ArgRefs, ArgTuple, Rest, decode_args, decode_args_and_rest, encode_args, encode_args_and_rest,
};
pub use self::bench_hooks::resolves;
pub use self::blocking::run_blocking;
pub use self::errors::via::*;
pub use self::errors::{
    ErrorLike, ErrorPointer, ErrorProbe, MethodError, Pointer, decode_expected, expected_failure,
    via,
};
pub use self::fallible::Fallible;
pub use self::spanned::{
    AliasedResult, Argument, DecodeArgs, EncodeArgs, ExpectedError, PlainValue, RestArgument,
    ResultEncoder, ReturnProbe, ViaPlainValue, argument, decode_spanned_args,
    decode_spanned_args_and_rest, encode_spanned_args, encode_spanned_args_and_rest,
    expected_error, rest, result_encoder, return_probe,
};
pub use crate::client::{Call, ClientBuilder, RpcClient};
pub use crate::codec::{
    Codec, DecodeLimits, EncodeEntries, EncodeError, MessagePackDeserializer, Payload,
};
pub use crate::context::Context;
pub use crate::endpoint::{
    ArgDescriptor, BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor, ExpectedErrorDescriptor,
    InvokeFn, MethodDescriptor, TypeName,
};
pub use crate::error::{CallError, ExpectedErrors, RpcError};
pub use crate::message::{Failure, FailureKind, Outcome, encode_result};
pub use crate::target::Target;
pub use crate::transport::Transport;
pub use crate::version::Version;
