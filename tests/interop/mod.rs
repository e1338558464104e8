//! Python processes with oslo.messaging that test cases drive, and the runner of these cases.
//!
//! The programs are in `tests/interop/peers`: `client.py`, `server.py`, and `raw.py` for raw messages.
//! A case gets a [`InteropEnv`] with all three and a transport of its own, on a topic of its own.

#![allow(clippy::unwrap_used, reason = "what drives a case fails it by panicking")]

mod case;
mod client;
mod exception;
mod interop_env;
mod peer;
mod peers;
mod python;
mod raw;
mod run;
mod server;

pub use self::case::{Case, cases};
pub use self::client::{Client, To};
pub use self::exception::Exception;
pub use self::interop_env::InteropEnv;
pub use self::peer::Peer;
pub use self::python::{NoPython, VERSIONS, interpreter};
pub use self::raw::{Message, Raw};
pub use self::run::run;
pub use self::server::{Serve, Server, Serving};

/// Returns the text of `length` bytes that peers write as its length: the alphabet, repeated.
#[must_use]
pub fn text(length: usize) -> String {
    ('a'..='z').cycle().take(length).collect()
}
