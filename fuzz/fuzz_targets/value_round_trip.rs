#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpc_fuzz::codecs::value_round_trip(data));
