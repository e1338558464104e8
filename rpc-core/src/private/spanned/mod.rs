//! Functions that carry the trait bounds of generated code.
//!
//! The compiler reports an unsatisfied bound at the call that requires it. The macro therefore
//! generates one call per type of a signature, with the span of that type. The returned values work
//! without bounds, and no other generated code has any. So a type that does not satisfy a bound is
//! reported once, at the place where the user wrote it.

mod arguments;
mod expected_error;
mod result;

pub use self::arguments::{
    Argument, DecodeArgs, EncodeArgs, RestArgument, argument, decode_spanned_args,
    decode_spanned_args_and_rest, encode_spanned_args, encode_spanned_args_and_rest, rest,
};
pub use self::expected_error::{ExpectedError, expected_error};
pub use self::result::{
    AliasedResult, PlainValue, ResultEncoder, ReturnProbe, ViaPlainValue, result_encoder,
    return_probe,
};
