//! The Python interpreters.

use std::path::{Path, PathBuf};

/// The releases of oslo.messaging that are tested with: the newest first, then two that clouds still run.
pub const VERSIONS: [&str; 3] = ["18.3.1", "14.7.0", "12.9.4"];

/// There is no interpreter for a release of oslo.messaging.
#[derive(Debug, thiserror::Error)]
#[error(
    "no Python with oslo.messaging {version} at {}: run scripts/rabbitmq first, or set {variable} to an interpreter",
    path.display()
)]
pub struct NoPython {
    version: &'static str,
    variable: String,
    path: PathBuf,
}

/// Returns the interpreter that has a release of oslo.messaging: the one that `RPC_INTEROP_PYTHON_18_3_1` names, and so on for
/// the other releases, or the one that `scripts/rabbitmq` installed.
///
/// # Errors
///
/// Fails if it does not exist.
pub fn interpreter(version: &'static str) -> Result<PathBuf, NoPython> {
    let variable = format!("RPC_INTEROP_PYTHON_{}", version.replace('.', "_"));
    let path = std::env::var_os(&variable).map_or_else(|| installed(version), PathBuf::from);
    if path.exists() { Ok(path) } else { Err(NoPython { version, variable, path }) }
}

fn installed(version: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/interop");
    target.join(version).join("bin/python")
}
