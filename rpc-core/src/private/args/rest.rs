//! The argument that takes all others.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{Map, Value};

/// A map that can be a method's `#[rpc(rest)]` argument: [`Map`] for values of any type,
/// `BTreeMap<String, T>` or `HashMap<String, T>` where all are of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the remaining arguments",
    label = "not a map of values by name",
    note = "use `rpc_core::Map`, `BTreeMap<String, T>` or `HashMap<String, T>`"
)]
pub trait Rest: Sized {
    /// What each of the arguments is.
    type Value: Serialize + DeserializeOwned;

    /// A map of these entries, or the first name that is there twice.
    ///
    /// # Errors
    ///
    /// The name.
    fn gather(entries: Vec<(String, Self::Value)>) -> Result<Self, String>;

    /// The entries in it.
    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &Self::Value)>;
}

impl Rest for Map {
    type Value = Value;

    fn gather(entries: Vec<(String, Value)>) -> Result<Self, String> {
        Self::from_entries(entries)
    }

    fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.iter()
    }
}

impl<T: Serialize + DeserializeOwned> Rest for BTreeMap<String, T> {
    type Value = T;

    fn gather(entries: Vec<(String, T)>) -> Result<Self, String> {
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

    fn gather(entries: Vec<(String, T)>) -> Result<Self, String> {
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
