//! The bounds of generated code, each asked for once and where the user wrote the type.
//!
//! The compiler reports a bound at the call that asks for it. So each type of a signature gets a call of its own, which
//! the macro locates at that type; what comes back works without bounds, and nothing else in generated code has any.
//! A type that lacks something is thus reported once, not by each of the functions that would need it.

mod arguments;
mod expected;
mod returned;

pub use self::arguments::{
    Argument, Received, RestArgument, Sent, argument, receive_args, receive_args_and_rest, rest,
    send_args, send_args_and_rest,
};
pub use self::expected::{Expectation, expected};
pub use self::returned::{PlainFallback, PlainValue, Probe, Refused, Returned, probe, returned};
