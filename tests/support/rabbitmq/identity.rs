//! What tells a node from others, and what joins it to them.

use std::array;
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::cluster::NODES;
use super::ports;

/// The port of a port mapper, and which node runs it.
#[derive(Debug, Clone, Copy)]
pub(super) enum PortMapper {
    /// The node itself.
    Own(u16),
    /// Another node of its cluster, which outlives it.
    OfAnother(u16),
}

impl PortMapper {
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Own(port) | Self::OfAnother(port) => port,
        }
    }
}

/// The name of a node, and what it has from its cluster.
#[derive(Debug)]
pub(super) struct Identity {
    /// The name of the Erlang node.
    pub(super) name: String,
    pub(super) epmd: PortMapper,
    /// The secret that nodes of one cluster share. `None`: one that Erlang makes up.
    cookie: Option<String>,
    /// Lines of `rabbitmq.conf`.
    pub(super) settings: Vec<String>,
}

impl Identity {
    /// Returns the identity of a node that is in no cluster.
    pub(super) fn alone() -> io::Result<Self> {
        Ok(Self {
            name: random_name(),
            epmd: PortMapper::Own(ports::free()?),
            cookie: None,
            settings: Vec::new(),
        })
    }

    /// Returns the identities of a cluster's nodes. The first one has to be started before the others, which join it.
    pub(super) fn cluster() -> io::Result<[Self; NODES]> {
        let port = ports::free()?;
        let cookie = format!("{:016x}", random());
        let first = random_name();
        let identity = |number| {
            let cookie = Some(cookie.clone());
            if number == 0 {
                let (name, epmd) = (first.clone(), PortMapper::Own(port));
                return Self { name, epmd, cookie, settings: Vec::new() };
            }
            let name = random_name();
            let mut settings =
                vec!["cluster_formation.peer_discovery_backend = classic_config".to_owned()];
            // RabbitMQ 4 joins only if it finds itself among the nodes.
            settings.extend([&first, &name].into_iter().enumerate().map(|(index, name)| {
                format!("cluster_formation.classic_config.nodes.{} = {name}", index + 1)
            }));
            Self { name, epmd: PortMapper::OfAnother(port), cookie, settings }
        };
        Ok(array::from_fn(identity))
    }

    /// Returns the name of the node's folder.
    pub(super) fn folder_name(&self) -> &str {
        self.name.split('@').next().unwrap_or_default()
    }

    /// Writes the secret to where Erlang looks for it: in the home of the node's user.
    pub(super) fn install_cookie(&self, home: &Path) -> io::Result<()> {
        let Some(cookie) = &self.cookie else { return Ok(()) };
        let file = home.join(".erlang.cookie");
        fs::write(&file, cookie)?;
        // Erlang refuses a secret that others may read.
        fs::set_permissions(file, Permissions::from_mode(0o400))
    }
}

fn random_name() -> String {
    format!("rpc-{}-{:016x}@localhost", std::process::id(), random())
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}
