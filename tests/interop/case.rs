//! One case, and the table that a file of cases ends with.

use std::fmt;
use std::pin::Pin;

use super::InteropEnv;

/// One guarantee to users of a Python peer.
#[derive(Copy, Clone)]
pub struct Case {
    /// The sentence, and the name of the function.
    pub name: &'static str,
    /// Whether it runs with all releases of oslo.messaging, not only with the newest.
    pub everywhere: bool,
    /// Runs the case; it panics if it fails.
    pub run: fn(InteropEnv) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Lists the cases of a file: the functions' names, with `everywhere` behind those that run with all releases.
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
