//! Keeps passwords out of the AMQP library's log.

use std::cell::RefCell;
use std::thread;

use tracing::dispatcher::{self, DefaultGuard, Dispatch};

/// The name of the thread on which the AMQP library reads and writes a connection.
const IO_THREAD: &str = "lapin-io-loop";

thread_local! {
    static MUTED: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Turns off the log of the library's I/O thread for the rest of the thread's life. Does nothing on any other thread.
///
/// At trace level the library logs all that it writes, and the first of that is the login with the password. The connection's
/// supervisor logs what an operator should know.
pub(super) fn mute_io_thread() {
    if thread::current().name() == Some(IO_THREAD) {
        MUTED.set(Some(dispatcher::set_default(&Dispatch::none())));
    }
}
