//! What generated code calls. No part of the public interface: it changes together with the macros.
//!
//! Generated code names nothing but this module and `::core`, so that it also works where the
//! prelude is switched off and where `serde` is no dependency.

mod args;
mod blocking;
mod errors;
mod located;
mod measured;
mod results;

pub use std::sync::Arc;

pub use serde;

pub use self::args::{
    ArgRefs, ArgTuple, Rest, decode_args, decode_args_and_rest, encode_args, encode_args_and_rest,
};
pub use self::blocking::run_blocking;
pub use self::errors::via::*;
pub use self::errors::{
    Erred, ErrorPointer, ErrorProbe, MethodError, Pointer, decode_expected, expected_failure, via,
};
pub use self::located::{
    Argument, Expectation, PlainFallback, PlainValue, Probe, Received, Refused, RestArgument,
    Returned, Sent, argument, expected, probe, receive_args, receive_args_and_rest, rest, returned,
    send_args, send_args_and_rest,
};
pub use self::measured::finds;
pub use self::results::{Fallible, encode_result};
pub use crate::client::{Call, ClientBuilder, RpcClient};
pub use crate::codec::{Codec, DecodeLimits, EncodeError, Payload};
pub use crate::context::Context;
pub use crate::endpoint::{
    ArgDescriptor, BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor, ExpectedErrorDescriptor,
    InvokeFn, MethodDescriptor, TypeName,
};
pub use crate::error::{CallError, ExpectedErrors, RpcError};
pub use crate::message::{Failure, FailureKind, Outcome};
pub use crate::target::Target;
pub use crate::transport::Transport;
pub use crate::version::Version;
