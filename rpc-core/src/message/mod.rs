//! Messages: a [`Request`] to a server, and its [`Outcome`].

mod failure;
mod failure_kind;
mod id;
mod outcome;
mod request;
mod request_state;

pub use self::failure::{Failure, Ran};
pub use self::failure_kind::{FailureKind, ParseFailureKindError};
pub(crate) use self::id::IdSource;
pub use self::id::{MessageId, ParseMessageIdError};
pub use self::outcome::{Outcome, encode_result};
pub use self::request::Request;
pub(crate) use self::request_state::{RequestState, SendState};
