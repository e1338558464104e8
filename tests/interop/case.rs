//! One case, and the table that a file of cases ends with.

use std::fmt;
use std::pin::Pin;

use super::InteropEnv;

/// Something that a user of a Python peer relies on.
#[derive(Copy, Clone)]
pub struct Case {
    /// The sentence, and the name of the function.
    pub name: &'static str,
    /// Whether it is shown with all releases of oslo.messaging, not with the newest alone.
    pub everywhere: bool,
    /// Shows it, or panics.
    pub run: fn(InteropEnv) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The table of a file's cases: the functions' names; `everywhere` behind those that are shown with all releases.
#[macro_export]
#[doc(hidden)]
macro_rules! __interop_cases {
    ($($name:ident $($everywhere:ident)?;)*) => {
        /// The cases of this file.
        pub(crate) const CASES: &[$crate::interop::Case] = &[$($crate::interop::Case {
            name: stringify!($name),
            everywhere: !matches!(stringify!($($everywhere)?).as_bytes(), b""),
            run: |env| Box::pin($name(env)),
        },)*];
    };
}

pub use crate::__interop_cases as cases;
