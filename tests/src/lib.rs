//! What the tests of this package share: the conformance suite, and what runs it.

pub mod conformance;
pub mod harness;
pub mod mem;
