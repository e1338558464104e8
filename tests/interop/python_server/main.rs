//! Python servers that programs in Rust call, one function for each thing that their users rely on.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod calls;
mod context;
mod errors;
mod lifecycle;
mod python_service;
mod refusals;
mod replies;
mod restarts;
mod timeouts;
mod values;

use std::process::ExitCode;

use rpc_tests::interop;

fn main() -> ExitCode {
    let cases = [
        replies::CASES,
        calls::CASES,
        context::CASES,
        errors::CASES,
        lifecycle::CASES,
        refusals::CASES,
        restarts::CASES,
        values::CASES,
        timeouts::CASES,
    ];
    interop::run(&cases.concat())
}
