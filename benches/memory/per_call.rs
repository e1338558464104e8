//! What one echo call allocates, by the size of its text.
//!
//! A call needs five buffers of that size: the caller's text, the encoded arguments, the method's text, the encoded
//! result and the text that is returned. Each is filled once, so the bytes allocated, divided by the size, tell how
//! often the text is copied. A buffer that is reallocated may be copied once more.

use rpc_benches::TEXT;
use rpc_core::Context;
use stats_alloc::Region;

use crate::{ALLOCATOR, start};

const CALLS: usize = 100;

pub(crate) async fn print() {
    println!("| Text of each call | allocations | reallocations | bytes allocated | ÷ size |");
    println!("|---|---|---|---|---|");
    for size in [TEXT.len(), 1 << 10, 16 << 10, 64 << 10, 1 << 20] {
        measure(size).await;
    }
    println!();
}

async fn measure(size: usize) {
    let (_server, client) = start(64).await;
    let text: String = TEXT.chars().cycle().take(size).collect();
    let call = async || {
        let echoed = client.echo(&Context::new(), text.clone(), 0).await;
        assert_eq!(echoed.expect("the server replies").text.len(), size);
    };
    // The first calls allocate what all later ones share.
    for _ in 0..CALLS {
        call().await;
    }
    let before = Region::new(ALLOCATOR);
    for _ in 0..CALLS {
        call().await;
    }
    let used = before.change();
    let [allocations, reallocations] =
        [used.allocations, used.reallocations].map(|count| count as f64 / CALLS as f64);
    // Reallocated bytes are part of the allocated ones.
    let bytes = used.bytes_allocated / CALLS;
    let ratio = bytes as f64 / size as f64;
    println!("| {size} bytes | {allocations:.1} | {reallocations:.1} | {bytes} | {ratio:.2} |");
}
