//! Parts of a call that the benches measure in isolation.

use crate::registry::Registry;
use crate::version::Version;

/// Returns whether a request resolves to a method.
#[must_use]
pub fn resolves(
    registry: &Registry,
    namespace: Option<&str>,
    method: &str,
    version: Version,
) -> bool {
    registry.resolve(namespace, method, version, || true).is_ok()
}
