//! The conformance suite over the in-memory broker: with either codec, and in real time, as against any other broker.

use std::process::ExitCode;

use rpc_core::Codec;
use rpc_tests::conformance;
use rpc_tests::conformance::backends::mem::Mem;
use rpc_tests::conformance::harness::{Clock, run_trials, trials};

fn main() -> ExitCode {
    let cases = conformance::cases();
    let backends = [
        Mem { codec: Codec::MessagePack, clock: Clock::Paused },
        Mem { codec: Codec::Json, clock: Clock::Paused },
        Mem { codec: Codec::MessagePack, clock: Clock::Real },
    ];
    run_trials(backends.into_iter().flat_map(|backend| trials(backend, &cases)).collect())
}
