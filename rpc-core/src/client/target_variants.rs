//! The settings of calls that choose their server, or all servers.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::settings::Settings;
use crate::target::TargetChange;

/// How many servers are remembered. All are forgotten when there are more.
const MAX_SERVERS: usize = 4096;

/// Settings that differ from a client's own in the server or in fanout.
///
/// They are kept, so that a call to a server costs as much as that of a client that was prepared for it: the settings are
/// shared, and their route keeps what the transport remembers.
#[derive(Default)]
pub(super) struct TargetVariants {
    fanout: OnceLock<Arc<Settings>>,
    servers: Mutex<HashMap<Cow<'static, str>, Arc<Settings>>>,
}

/// A copy is empty: it is made to be changed, and the settings that are kept here would stay as they were.
impl Clone for TargetVariants {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for TargetVariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetVariants").finish_non_exhaustive()
    }
}

impl Settings {
    /// Returns these settings for the server with this name only.
    pub(super) fn to_server(&self, server: Cow<'static, str>) -> Arc<Self> {
        let mut servers = self.variants.servers.lock();
        if let Some(settings) = servers.get(&*server) {
            return Arc::clone(settings);
        }
        if servers.len() >= MAX_SERVERS {
            servers.clear();
        }
        let settings = Arc::new(self.with_target(TargetChange::new().server(server.clone())));
        servers.insert(server, Arc::clone(&settings));
        settings
    }

    /// Returns these settings for all servers of the topic.
    pub(super) fn to_all_servers(&self) -> Arc<Self> {
        let fanout = || Arc::new(self.with_target(TargetChange::new().fanout(true)));
        Arc::clone(self.variants.fanout.get_or_init(fanout))
    }

    fn with_target(&self, change: TargetChange) -> Self {
        let mut settings = self.clone();
        let target = settings.target.replace(change);
        settings.set_target(target);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::RpcClient;
    use crate::ping::Ping;

    fn settings() -> Arc<Settings> {
        RpcClient::in_process(Ping).0
    }

    #[test]
    fn a_call_to_a_server_or_to_all_shares_the_settings_and_the_route_of_the_one_before() {
        let settings = settings();
        let first = settings.to_server("one".into());
        assert!(Arc::ptr_eq(&first, &settings.to_server(String::from("one").into())));
        assert!(!Arc::ptr_eq(&first, &settings.to_server("two".into())));
        assert_eq!(first.target.server.as_deref(), Some("one"));
        let fanout = settings.to_all_servers();
        assert!(Arc::ptr_eq(&fanout, &settings.to_all_servers()));
        assert!(fanout.target.fanout);
    }

    #[test]
    fn a_client_that_was_prepared_again_keeps_its_changes_when_a_call_chooses_the_server() {
        let settings = settings();
        let before = settings.to_server("one".into());
        let mut changed = (*settings).clone();
        changed.timeout = before.timeout * 2;
        assert_eq!(changed.to_server("one".into()).timeout, before.timeout * 2);
    }

    #[test]
    fn however_many_servers_are_called_a_bounded_number_is_remembered() {
        let settings = settings();
        for server in 0..=2 * MAX_SERVERS {
            let name = server.to_string();
            assert_eq!(settings.to_server(name.clone().into()).target.server, Some(name.into()));
            assert!(settings.variants.servers.lock().len() <= MAX_SERVERS);
        }
    }
}
