//! Names of queues that no one else has, and tags that no other consumer has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::config::StableNames;

/// How many stable names of each host and process were given out in this process.
static COUNTERS: Mutex<Option<HashMap<(String, String), u64>>> = Mutex::new(None);

/// Returns what makes the name of a reply or fanout queue: random, or the next stable one.
///
/// Another process may have the stable name already. Its consumer is exclusive, so the broker tells.
pub(crate) fn unique_name(stable: &StableNames) -> String {
    if !stable.enabled {
        return random_name();
    }
    let (host, process) = (&stable.host, &stable.process);
    let mut counters = COUNTERS.lock();
    let counters = counters.get_or_insert_default();
    let number = counters.entry((host.clone(), process.clone())).or_default();
    *number += 1;
    format!("{host}:{process}:{number}")
}

/// Returns 128 random bits as 32 hexadecimal digits, the form of oslo.messaging's unique names.
///
/// The bits come from the operating system: whoever knows the name of a reply queue can send replies to it.
///
/// # Panics
///
/// If the operating system gives no random bytes.
pub(crate) fn random_name() -> String {
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

    fn stable(enabled: bool, process: &str) -> StableNames {
        StableNames { enabled, host: "node1".to_owned(), process: process.to_owned() }
    }

    #[test]
    fn no_two_names_are_the_same() {
        let random = stable(false, "random");
        assert_ne!(unique_name(&random), unique_name(&random));
        assert_eq!(unique_name(&random).len(), 32);
    }

    #[test]
    fn stable_names_are_those_of_the_queue_manager_of_oslo_messaging() {
        let names = [(); 2].map(|()| unique_name(&stable(true, "nova-api")));
        assert_eq!(names, ["node1:nova-api:1", "node1:nova-api:2"]);
        assert_eq!(unique_name(&stable(true, "cinder-api")), "node1:cinder-api:1");
    }
}
