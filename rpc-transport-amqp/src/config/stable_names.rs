//! Names of reply and fanout queues that a program has again after a restart, as oslo.messaging's queue manager makes them.

use std::fs;
use std::path::PathBuf;

/// What such names begin with. All processes of one name on one host share the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StableNames {
    pub(crate) enabled: bool,
    pub(crate) host: String,
    pub(crate) process: String,
}

impl StableNames {
    /// Returns the names of this program on this host, not enabled.
    pub(super) fn of_this_process() -> Self {
        Self { enabled: false, host: host_name(), process: program_name() }
    }
}

/// Returns the name of the running program's file.
pub(super) fn program_name() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the host's name, as Linux tells it, or as the environment does.
fn host_name() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}
