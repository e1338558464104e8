//! Looking up a method among 1, 100 and 10,000: the cost must not depend on their number.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rpc_core::__private::{encode_result, resolves};
use rpc_core::{
    Endpoint, EndpointDescriptor, InvokeFn, MethodDescriptor, RpcClient, Server, Target, TypeName,
    Version,
};
use rpc_transport_mem::MemTransport;

const MAX_METHODS: usize = 10_000;

/// The names of the methods: `method_0000` and so on.
static NAMES: [[u8; 11]; MAX_METHODS] = names();

const fn names() -> [[u8; 11]; MAX_METHODS] {
    let mut names = [*b"method_0000"; MAX_METHODS];
    let mut at = 0;
    while at < MAX_METHODS {
        let (mut rest, mut digit) = (at, 11);
        while digit > 7 {
            digit -= 1;
            names[at][digit] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        at += 1;
    }
    names
}

const fn name(at: usize) -> &'static str {
    match str::from_utf8(&NAMES[at]) {
        Ok(name) => name,
        Err(_) => panic!("digits are ASCII"),
    }
}

/// An endpoint with so many methods that do nothing.
struct Many<const N: usize>;

impl<const N: usize> Many<N> {
    const METHODS: [MethodDescriptor; N] = {
        let mut methods = [METHOD; N];
        let mut at = 0;
        while at < N {
            methods[at].name = name(at);
            at += 1;
        }
        methods
    };
    const NOTHING: InvokeFn<Self> =
        |_, _, args| Box::pin(async move { encode_result(args.codec(), &()) });
}

const METHOD: MethodDescriptor = MethodDescriptor {
    name: "",
    aliases: &[],
    since: None,
    docs: "",
    deprecated: None,
    args: &[],
    rest: None,
    returns: TypeName::of::<()>(),
    expected: &[],
    blocking: false,
};

impl<const N: usize> Endpoint for Many<N> {
    type Client = RpcClient;
    const DESCRIPTOR: &'static EndpointDescriptor = &EndpointDescriptor {
        name: "Many",
        namespaces: &[Some("bench")],
        version: Version::V1_0,
        docs: "",
        methods: &Self::METHODS,
    };
    const INVOKE: &'static [InvokeFn<Self>] = &[Self::NOTHING; N];
}

fn among<const N: usize>(criterion: &mut Criterion) {
    let server = Server::builder(MemTransport::new(), Target::topic("bench").server("bench-1"))
        .endpoint(Many::<N>)
        .build()
        .expect("the endpoint is sound");
    let registry = server.registry();
    // In an order with large steps, so that consecutive lookups do not share cache lines.
    let mut names = (0..N).map(|at| name(at * 7919 % N)).cycle();
    criterion.bench_with_input(BenchmarkId::new("lookup", N), registry, |bench, registry| {
        bench.iter(|| {
            let method = names.next().unwrap_or_default();
            assert!(resolves(registry, Some("bench"), black_box(method), Version::V1_0));
        });
    });
}

criterion_group!(lookup, among::<1>, among::<100>, among::<MAX_METHODS>);
criterion_main!(lookup);
