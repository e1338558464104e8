//! The argument that takes all remaining ones.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{Map, Value};

/// A map that can be a method's `#[rpc(rest)]` argument.
///
/// [`Map`] accepts values of any type, `BTreeMap<String, T>` and `HashMap<String, T>` accept values
/// of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the remaining arguments",
    label = "not a map from names to values",
    note = "use `rpc_core::Map`, `BTreeMap<String, T>` or `HashMap<String, T>`"
)]
pub trait Rest: Sized {
    /// The type of the values.
    type Value: Serialize + DeserializeOwned;

    /// Collects entries into a map.
    ///
    /// # Errors
    ///
    /// Fails with the first duplicate name.
    fn collect(entries: Vec<(String, Self::Value)>) -> Result<Self, String>;

    /// Returns an iterator over the entries.
    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &Self::Value)>;
}

impl Rest for Map {
    type Value = Value;

    fn collect(entries: Vec<(String, Value)>) -> Result<Self, String> {
        Self::from_entries(entries)
    }

    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.iter()
    }
}

impl<T: Serialize + DeserializeOwned> Rest for BTreeMap<String, T> {
    type Value = T;

    fn collect(entries: Vec<(String, T)>) -> Result<Self, String> {
        let mut map = Self::new();
        for (name, value) in entries {
            if map.contains_key(&name) {
                return Err(name);
            }
            map.insert(name, value);
        }
        Ok(map)
    }

    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<T, S> Rest for HashMap<String, T, S>
where
    T: Serialize + DeserializeOwned,
    S: BuildHasher + Default,
{
    type Value = T;

    fn collect(entries: Vec<(String, T)>) -> Result<Self, String> {
        let mut map = Self::default();
        for (name, value) in entries {
            if map.contains_key(&name) {
                return Err(name);
            }
            map.insert(name, value);
        }
        Ok(map)
    }

    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.iter().map(|(name, value)| (name.as_str(), value))
    }
}
