//! The operations of one call on the table of pending calls: registered, polled, completed, polled again. With none and
//! with many others in flight.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rpc_core::pending_calls::{PendingCalls, PendingReply};
use rpc_core::{Codec, MessageId, Payload, Request};
use tokio::runtime::Builder;
use tokio::time::Instant;

fn request(deadline: Instant) -> Arc<Request> {
    let empty = Payload::new(Codec::MessagePack, Vec::new());
    let mut request = Request::new(MessageId::from_bits(1), "echo", empty);
    request.deadline = Some(deadline);
    request.wants_reply = true;
    Arc::new(request)
}

fn round_trip(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _guard = runtime.enter();
    let request = request(Instant::now() + Duration::from_secs(3600));
    let cx = &mut Context::from_waker(Waker::noop());
    for others in [0, 10_000] {
        let pending_calls = PendingCalls::new();
        let others_in_flight: Vec<PendingReply> =
            (0..others).map(|_| pending_calls.register(&request).1).collect();
        criterion.bench_function(&format!("pending call/{others} others in flight"), |bench| {
            bench.iter(|| {
                let (key, mut reply) = pending_calls.register(&request);
                assert!(reply.poll(cx).is_pending());
                let outcome = Ok(Payload::new(Codec::MessagePack, Vec::new()));
                assert!(pending_calls.complete(key, outcome));
                assert!(reply.poll(cx).is_ready());
            });
        });
        drop(others_in_flight);
    }
}

criterion_group!(pending_calls, round_trip);
criterion_main!(pending_calls);
