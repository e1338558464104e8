//! Code that the tests of this package share, one folder for each subject. `README.md` is the map.

pub mod conformance;
#[cfg(feature = "rabbitmq")]
pub mod interop;
pub mod support;
