//! Names of queues that no one else can guess or have, and tags that no other consumer has.

use std::sync::atomic::{AtomicU64, Ordering};

/// Returns 128 random bits as 32 hexadecimal digits, the form of oslo.messaging's unique names.
///
/// The bits come from the operating system: whoever knows the name of a reply queue can send replies to it.
///
/// # Panics
///
/// If the operating system gives no random bytes.
pub(crate) fn unique_name() -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// Returns a consumer tag that no other consumer of this program has.
///
/// The id of a channel that the broker has closed is used again, and its deliveries may be late. By their tag they are told from
/// those of the next consumer on a channel of this id.
pub(crate) fn consumer_tag(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{name}.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(unique_name(), unique_name());
        assert_eq!(unique_name().len(), 32);
    }
}
