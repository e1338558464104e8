//! The sizes of the types that every call moves, because they affect its speed.

use std::convert::Infallible;

use rpc_core::{Call, Cast, Failure, Outcome};

#[test]
fn the_future_of_a_call_takes_no_more_than_256_bytes() {
    let size = size_of::<Call<String, Infallible>>();
    assert!(size <= 256, "{size} bytes");
    assert_eq!(size_of::<Call<[u64; 64], String>>(), size, "whatever its result and errors");
    assert_eq!(size_of::<Cast>(), size);
}

#[test]
fn a_failure_is_one_word_wide() {
    assert_eq!(size_of::<Failure>(), size_of::<usize>());
    assert!(size_of::<Outcome>() <= 5 * size_of::<usize>());
}
