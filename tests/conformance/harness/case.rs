//! One case, and the table that a file of cases ends with.

use std::fmt;
use std::pin::Pin;

use super::TestEnv;

/// Returns whether the transport can do what a case needs.
pub type Requirement = fn(&TestEnv) -> bool;

/// One guarantee, shown on any transport.
#[derive(Copy, Clone)]
pub struct Case {
    /// The sentence, and the name of the function.
    pub name: &'static str,
    /// What the transport must be able to do, by name.
    pub requirements: &'static [(&'static str, Requirement)],
    /// Runs the case; it panics if it fails.
    pub run: fn(TestEnv) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Lists the cases of a file: the functions' names, each followed by its
/// [requirements](crate::conformance::harness::requirements).
///
/// ```
/// # use rpc_tests::conformance::harness::{TestEnv, cases};
/// async fn a_call_gets_a_reply(_: TestEnv) {}
/// async fn a_cancelled_call_is_noticed(_: TestEnv) {}
///
/// cases! {
///     a_call_gets_a_reply;
///     a_cancelled_call_is_noticed if cancel;
/// }
/// # assert_eq!(CASES[1].requirements[0].0, "cancel");
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __cases {
    ($($name:ident $(if $requirement:ident $(and $more:ident)*)?;)*) => {
        /// The cases of this file.
        pub(crate) const CASES: &[$crate::conformance::harness::Case] = &[$($crate::conformance::harness::Case {
            name: stringify!($name),
            requirements: &[
                $((stringify!($requirement), $crate::conformance::harness::requirements::$requirement),
                $((stringify!($more), $crate::conformance::harness::requirements::$more),)*)?
            ],
            run: |env| Box::pin($name(env)),
        },)*];
    };
}

pub use crate::__cases as cases;
