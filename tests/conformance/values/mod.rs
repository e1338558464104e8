//! Values have the same shape on every path: in process and over the transport, without a serializer, with one that
//! changes nothing and with one that changes everything.

mod examples;
mod paths;
mod property;
mod shapes;

use super::harness::Case;

/// The cases of each file.
pub(super) const CASES: &[&[Case]] = &[examples::CASES, property::CASES];
