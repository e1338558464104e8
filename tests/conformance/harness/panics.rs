//! Failed assertions become the message of their case; panics that a case provokes on purpose stay out of the output.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics on this thread be recorded instead of printed.
pub(super) fn record_on_this_thread() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !RECORDING.get() {
                return print(info);
            }
            let text = text(info.payload());
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            LAST.set(Some(format!("{text}\n  at {place}")));
        }));
    });
    RECORDING.set(true);
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
}

/// Returns the message and the place of the last panic on this thread.
pub(super) fn last() -> String {
    LAST.take().unwrap_or_else(|| "a panic on another thread".to_owned())
}
