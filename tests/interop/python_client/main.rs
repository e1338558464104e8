//! Python programs that call servers in Rust, one function for each thing that their users rely on.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod calls;
mod context;
mod errors;
mod lifecycle;
mod refusals;
mod rust_service;
mod stream_fanout;
mod timeouts;
mod values;
mod versions;
mod wire;

use std::process::ExitCode;

use rpc_tests::interop;

fn main() -> ExitCode {
    let cases = [
        calls::CASES,
        context::CASES,
        errors::CASES,
        lifecycle::CASES,
        refusals::CASES,
        stream_fanout::CASES,
        values::CASES,
        versions::CASES,
        timeouts::CASES,
        wire::CASES,
    ];
    interop::run(&cases.concat())
}
