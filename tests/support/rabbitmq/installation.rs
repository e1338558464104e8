//! The installed RabbitMQ.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::NodeError;

/// Names another installation than the system's.
const HOME: &str = "RPC_RABBITMQ_HOME";

/// Where Debian's package has it. Its `/usr/sbin/rabbitmq-server` is not run: it insists on a user and a folder.
const SYSTEM: &str = "/usr/lib/rabbitmq";

/// The folder with `rabbitmq-server` and `rabbitmqctl`.
#[derive(Debug)]
pub(super) struct Installation(PathBuf);

impl Installation {
    pub(super) fn find() -> Result<Self, NodeError> {
        let home = env::var_os(HOME).map_or_else(|| PathBuf::from(SYSTEM), PathBuf::from);
        let has_server = |scripts: &PathBuf| scripts.join("rabbitmq-server").is_file();
        ["sbin", "bin"].map(|scripts| home.join(scripts)).into_iter().find(has_server).map_or_else(
            || {
                let home = home.display();
                Err(NodeError(format!(
                    "neither {home}/sbin nor {home}/bin has `rabbitmq-server`: install it by \
                     `scripts/rabbitmq`, or name an installation in {HOME}"
                )))
            },
            |scripts| Ok(Self(scripts)),
        )
    }

    /// Returns the command of one of its programs. Of the caller's environment it inherits only the search path.
    pub(super) fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(self.0.join(program));
        command.env_clear().env("HOME", home).env("LANG", "C.UTF-8");
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }
}
