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
    /// Whether both sides have only queues that a broker takes which refuses transient ones. The other cases have Python's
    /// defaults, which such a broker refuses.
    pub durable: bool,
    /// Runs the case; it panics if it fails.
    pub run: fn(InteropEnv) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Lists the cases of a file: the functions' names, with `everywhere` behind those that run with all releases, or `durable` behind
/// those that have no transient queues.
#[macro_export]
#[doc(hidden)]
macro_rules! __interop_cases {
    ($($name:ident $($flag:ident)?;)*) => {
        /// The cases of this file.
        pub(crate) const CASES: &[$crate::interop::Case] = &[$($crate::interop::Case {
            name: stringify!($name),
            everywhere: matches!(stringify!($($flag)?).as_bytes(), b"everywhere"),
            durable: matches!(stringify!($($flag)?).as_bytes(), b"durable"),
            run: |env| Box::pin($name(env)),
        },)*];
    };
}

pub use crate::__interop_cases as cases;
