//! Panics of the user's code, which are answered and go no further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns the text of a panic, and drops its value.
pub(crate) fn into_message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("the panic's value is not a string").to_owned();
    discard(panic);
    text
}

/// Drops the value of a panic. If its destructor panics, too, the value of that panic is leaked.
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsWhenDropped(u32);

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            if let Some(fewer) = self.0.checked_sub(1) {
                panic_any(PanicsWhenDropped(fewer));
            }
        }
    }

    #[test]
    fn a_value_whose_destructor_panics_goes_no_further() {
        for value in [0, 1, 2] {
            let raise = || panic_any(PanicsWhenDropped(value));
            let panic = catch_unwind(AssertUnwindSafe(raise)).unwrap_err();
            assert_eq!(into_message(panic), "the panic's value is not a string");
        }
    }
}
