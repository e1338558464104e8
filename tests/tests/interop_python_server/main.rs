//! Python servers that our programs call, one function for each thing that their users rely on.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod answers;
mod calls;
mod context;
mod errors;
mod fixture;
mod lifecycle;
mod refusals;
mod values;
mod waiting;

use std::process::ExitCode;

use rpc_tests::interop;

fn main() -> ExitCode {
    let cases = [
        answers::CASES,
        calls::CASES,
        context::CASES,
        errors::CASES,
        lifecycle::CASES,
        refusals::CASES,
        values::CASES,
        waiting::CASES,
    ];
    interop::run(&cases.concat())
}
