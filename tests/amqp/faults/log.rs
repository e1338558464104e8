//! The warnings of all servers and clients of this process.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rpc_tests::support::logs::Logs;
use tracing::Level;

/// Returns the log of all threads, which is recorded from the first call on.
pub(crate) fn warnings() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs::record_all_threads(Level::WARN))
}

/// Returns how many warnings there were so far.
pub(crate) fn warnings_so_far() -> usize {
    warnings().at(Level::WARN).len()
}

/// Returns the ids of all messages that servers reported as in doubt, and as perhaps run at another server for this reason.
pub(crate) fn in_doubt() -> BTreeSet<String> {
    let events = warnings().at(Level::WARN).into_iter();
    let reported = events.filter(|event| event.says("acknowledgement in doubt"));
    reported.filter_map(|mut event| event.fields.remove("id")).collect()
}

/// Prints the warnings of a scenario if it fails.
pub(crate) struct ShownWarnings(usize);

impl ShownWarnings {
    /// Leaves out earlier warnings.
    pub(crate) fn from_now_on() -> Self {
        Self(warnings_so_far())
    }
}

impl Drop for ShownWarnings {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for warning in warnings().at(Level::WARN).into_iter().skip(self.0) {
                println!("{:?}", warning.fields);
            }
        }
    }
}
