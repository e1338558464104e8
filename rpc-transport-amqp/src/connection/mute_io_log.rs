//! Keeps passwords out of logs that are not ours.

use std::cell::RefCell;
use std::thread;

use tracing::dispatcher::{self, DefaultGuard, Dispatch};

/// The thread on which the client library reads and writes a connection.
const IO_THREAD: &str = "lapin-io-loop";

thread_local! {
    static SILENCE: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Turns off the log of the library's own thread for as long as the thread lives. To be called there; elsewhere it does
/// nothing.
///
/// At trace level the library logs all that it writes, and the first of that is the login with the password. What an
/// operator should know of a connection is logged where it is supervised.
pub(crate) fn silence_io_thread() {
    if thread::current().name() == Some(IO_THREAD) {
        SILENCE.set(Some(dispatcher::set_default(&Dispatch::none())));
    }
}
