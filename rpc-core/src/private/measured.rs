//! What the benches measure on its own.

use crate::registry::Registry;
use crate::version::Version;

/// Whether the look-up of a request finds a method.
#[must_use]
pub fn finds(registry: &Registry, namespace: Option<&str>, method: &str, version: Version) -> bool {
    registry.find(namespace, method, version, || true).is_ok()
}
