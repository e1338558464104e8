//! The server side: starting and stopping, acknowledging, invoking, and concurrency.

mod acknowledgement;
mod backpressure;
mod building;
mod closing;
mod concurrency;
mod dispatch;
mod errors;
mod lifecycle;
mod limits;
mod panics;

use super::harness::Case;

/// The cases of each file.
pub(super) const CASES: &[&[Case]] = &[
    acknowledgement::CASES,
    backpressure::CASES,
    building::CASES,
    closing::CASES,
    concurrency::CASES,
    dispatch::CASES,
    errors::CASES,
    lifecycle::CASES,
    limits::CASES,
    panics::CASES,
];
