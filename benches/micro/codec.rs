//! Encoding and decoding arguments and results with both codecs, as generated code does.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rpc_benches::{Echoed, TEXT};
use rpc_core::__private::{decode_args, encode_args, encode_result};
use rpc_core::{Codec, DecodeLimits, EncodedArgs, Payload};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];
const NAMES: &[&str] = &["text", "number"];

fn name(what: &str, codec: Codec) -> String {
    format!("{what}/{}", codec.name())
}

fn arguments(criterion: &mut Criterion) {
    let (text, number) = (TEXT.to_owned(), 12_345_u64);
    let limits = DecodeLimits::new();
    for codec in CODECS {
        criterion.bench_function(&name("encode arguments", codec), |bench| {
            bench.iter(|| encode_args(codec, NAMES, black_box(&(&text, &number)), 0));
        });
        let payload =
            encode_args(codec, NAMES, &(&text, &number), 0).expect("the payload is sound");
        let payload = Payload::new(codec, payload);
        criterion.bench_function(&name("decode arguments", codec), |bench| {
            bench.iter(|| {
                let args = EncodedArgs { payload: black_box(&payload), limits: &limits };
                decode_args::<(String, u64)>(args, NAMES).is_ok_and(|(_, given)| given == number)
            });
        });
    }
}

fn results(criterion: &mut Criterion) {
    let echoed = Echoed { text: TEXT.to_owned(), number: 12_345 };
    let limits = DecodeLimits::new();
    for codec in CODECS {
        criterion.bench_function(&name("encode result", codec), |bench| {
            bench.iter(|| encode_result(codec, black_box(&echoed)));
        });
        let bytes = codec.encode(&echoed).expect("the payload is sound");
        criterion.bench_function(&name("decode result", codec), |bench| {
            bench.iter(|| codec.decode::<Echoed>(black_box(&bytes), &limits));
        });
    }
}

criterion_group!(codec, arguments, results);
criterion_main!(codec);
