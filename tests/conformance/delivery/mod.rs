//! Delivery: routing, expiry, and the outcome that a caller gets.

mod cancellation;
mod deadlines;
mod missing_servers;
mod monitoring;
mod outcomes;
mod retryability;
mod routing;

use super::harness::Case;

/// The cases of each file.
pub(super) const CASES: &[&[Case]] = &[
    cancellation::CASES,
    deadlines::CASES,
    missing_servers::CASES,
    monitoring::CASES,
    outcomes::CASES,
    retryability::CASES,
    routing::CASES,
];
