//! The key–value pairs of a context.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// The key–value pairs of a [`Context`](crate::Context), immutable and shared.
///
/// A clone costs one reference count, and nothing if there are no entries. `Debug` prints the keys
/// only, because contexts carry tokens and passwords.
///
/// ```
/// use rpc_core::{ContextEntries, Value};
///
/// let entries: ContextEntries = [("user".to_owned(), Value::from("ada"))].into_iter().collect();
/// assert_eq!(entries.get("user").and_then(Value::as_str), Some("ada"));
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct ContextEntries(Option<Arc<BTreeMap<String, Value>>>);

impl ContextEntries {
    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Returns the value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// Returns an iterator over all entries, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn insert(&mut self, key: String, value: Value) {
        Arc::make_mut(self.0.get_or_insert_default()).insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if self.get(key).is_some()
            && let Some(map) = &mut self.0
        {
            Arc::make_mut(map).remove(key);
        }
    }
}

impl FromIterator<(String, Value)> for ContextEntries {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        let map: BTreeMap<_, _> = entries.into_iter().collect();
        Self((!map.is_empty()).then(|| Arc::new(map)))
    }
}

impl fmt::Debug for ContextEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}
