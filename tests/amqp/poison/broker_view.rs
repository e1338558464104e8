//! What the broker says of a virtual host's connections, channels and queues.

use std::collections::BTreeSet;

use rpc_tests::support::rabbitmq::Node;

/// The processes of the broker that hold the connections and channels of one user in a virtual host. A connection or channel that
/// is closed takes its process along, and one that is opened in its place has another.
#[derive(Debug)]
pub struct OpenChannels {
    connections: BTreeSet<String>,
    channels: BTreeSet<String>,
}

impl OpenChannels {
    pub async fn of(node: &Node, vhost: &str, user: &str) -> Self {
        let of = async |module: &str, function: &str| {
            let wanted = format!("[{{vhost, <<\"{vhost}\">>}}, {{user, <<\"{user}\">>}}]");
            let pids = format!(
                "string:join([pid_to_list(proplists:get_value(pid, I)) || I <- {module}:{function}([pid, vhost, user]), \
                 lists:sort(proplists:delete(pid, I)) =:= lists:sort({wanted})], \" \")"
            );
            let pids = node.eval(pids).await.unwrap();
            pids.split_whitespace().map(str::to_owned).collect()
        };
        Self {
            connections: of("rabbit_networking", "connection_info_all").await,
            channels: of("rabbit_channel", "info_all").await,
        }
    }

    /// Asserts that all of them are open still.
    pub async fn assert_still_open(&self, node: &Node, vhost: &str, user: &str) {
        assert!(!self.connections.is_empty() && !self.channels.is_empty(), "{self:?}");
        let now = Self::of(node, vhost, user).await;
        let closed: Vec<_> = self.connections.difference(&now.connections).collect();
        assert!(closed.is_empty(), "connections were closed: {closed:?}");
        let closed: Vec<_> = self.channels.difference(&now.channels).collect();
        assert!(closed.is_empty(), "channels were closed: {closed:?}");
    }
}

/// Returns the lines of the node's log that tell of an error of this user in the virtual host.
pub fn logged_errors(node: &Node, vhost: &str, user: &str) -> Vec<String> {
    let log = std::fs::read_to_string(node.folder().join("node.log")).unwrap();
    let concerns = |line: &&str| {
        line.contains("[error]")
            && line.contains(&format!("vhost: '{vhost}'"))
            && line.contains(&format!("user: '{user}'"))
    };
    log.lines().filter(concerns).map(str::to_owned).collect()
}
