//! One case, and the table that a file of cases ends with.

use std::fmt;
use std::pin::Pin;

use super::World;

/// Whether the world has what a case needs.
pub type Need = fn(&World) -> bool;

/// Something that a user relies on, shown on any transport.
#[derive(Copy, Clone)]
pub struct Case {
    /// The sentence, and the name of the function.
    pub name: &'static str,
    /// What the transport must be able to do, by name.
    pub needs: &'static [(&'static str, Need)],
    /// Shows it, or panics.
    pub run: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The table of a file's cases: the functions' names, each followed by what it [needs](crate::conformance::harness::requirements).
///
/// ```
/// # use rpc_tests::conformance::harness::{World, cases};
/// async fn a_call_is_answered(_: World) {}
/// async fn a_caller_that_gives_up_is_noticed(_: World) {}
///
/// cases! {
///     a_call_is_answered;
///     a_caller_that_gives_up_is_noticed if cancel;
/// }
/// # assert_eq!(CASES[1].needs[0].0, "cancel");
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __cases {
    ($($name:ident $(if $need:ident $(and $more:ident)*)?;)*) => {
        /// The cases of this file.
        pub(crate) const CASES: &[$crate::conformance::harness::Case] = &[$($crate::conformance::harness::Case {
            name: stringify!($name),
            needs: &[
                $((stringify!($need), $crate::conformance::harness::requirements::$need),
                $((stringify!($more), $crate::conformance::harness::requirements::$more),)*)?
            ],
            run: |world| Box::pin($name(world)),
        },)*];
    };
}

pub use crate::__cases as cases;
