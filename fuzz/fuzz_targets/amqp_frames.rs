#![no_main]

#[path = "../../rpc-amqp/tests/amqp_frames/body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::amqp_frames(data));
