//! The conformance suite over the in-memory broker, with either codec.

use std::process::ExitCode;

use rpc_core::Codec;
use rpc_tests::conformance;
use rpc_tests::harness::{conclude, trials};
use rpc_tests::mem::Mem;

fn main() -> ExitCode {
    let cases = conformance::cases();
    let codecs = [Codec::MessagePack, Codec::Json];
    conclude(codecs.into_iter().flat_map(|codec| trials(Mem { codec }, &cases)).collect())
}
