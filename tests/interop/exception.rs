//! An exception that a Python program caught.

use serde::Deserialize;
use serde_json::Value;

/// An exception, as far as a Python program can look into it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exception {
    /// The module of its class, without `_Remote`.
    pub module: String,
    /// The name of its class, without `_Remote`.
    pub class: String,
    /// Whether it is one that the client made after a remote exception's model.
    pub rebuilt: bool,
    /// All classes it is an instance of, but the class itself.
    pub bases: Vec<String>,
    /// `args`
    pub args: Vec<Value>,
    /// `kwargs`, where the class keeps them.
    pub kwargs: Value,
    /// `str(error)`
    pub text: String,
    /// Of a `RemoteError`: the class that was not rebuilt.
    pub exc_type: Option<String>,
    /// Of a `RemoteError`: the text.
    pub value: Value,
}

impl Exception {
    /// Returns module and class, joined by a point.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.module, self.class)
    }

    /// Returns the class of an unknown remote exception.
    ///
    /// # Panics
    ///
    /// Panics if it is not a `RemoteError`.
    #[must_use]
    pub fn remote_class(&self) -> &str {
        assert_eq!(self.name(), "oslo_messaging.rpc.client.RemoteError", "{self:?}");
        self.exc_type.as_deref().unwrap()
    }
}
