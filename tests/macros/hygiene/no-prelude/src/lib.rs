//! A crate without a prelude, whose own items take the names that generated code is tempted to use.
//!
//! It compiles only as long as every path in generated code is absolute, and passes `missing_docs` only as long as
//! everything public in there is documented.

#![no_implicit_prelude]
#![deny(missing_docs, warnings)]

use ::rpc_core::{Context, RpcError, endpoint};

/// Not the crate.
pub mod core {}
/// Not the crate.
pub mod std {}
/// Not the crate.
pub mod rpc_core {}
/// Not the crate.
pub mod serde {}

/// Not the pointer.
#[derive(::core::fmt::Debug, ::core::marker::Copy, ::core::clone::Clone)]
pub struct Box;
/// Not the pointer.
#[derive(::core::fmt::Debug)]
pub struct Arc;
/// Not the collection.
#[derive(::core::fmt::Debug)]
pub struct Vec;
/// Not the text.
#[derive(::core::fmt::Debug, ::serde::Serialize, ::serde::Deserialize)]
pub struct String {
    /// How long it would be.
    pub length: u32,
}
/// Not the variant.
#[derive(::core::fmt::Debug)]
pub struct Some;
/// Not the variant.
#[derive(::core::fmt::Debug)]
pub struct None;
/// Not the variant.
#[derive(::core::fmt::Debug)]
pub struct Ok;
/// Not the variant.
#[derive(::core::fmt::Debug)]
pub struct Err;
/// Not the marker.
pub trait Send {}
/// Not the marker.
pub trait Sync {}
/// Not the conversion.
pub trait From {}
/// Not the error.
pub trait Error {}
/// Not the future.
pub trait Future {}

/// An error of the crate's own.
#[derive(::core::fmt::Debug, ::serde::Serialize, ::serde::Deserialize, RpcError)]
pub struct Refused {
    /// Why.
    pub reason: u32,
}

impl ::core::fmt::Display for Refused {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("refused")
    }
}

impl ::core::error::Error for Refused {}

/// One error in another.
#[derive(::core::fmt::Debug, RpcError)]
pub enum Outer {
    /// Holds it.
    Inner {
        /// The one.
        source: Refused,
    },
}

impl ::core::fmt::Display for Outer {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("outer")
    }
}

impl ::core::error::Error for Outer {}

/// An endpoint.
#[derive(::core::fmt::Debug)]
pub struct Ledger;

#[endpoint(namespace = "bank", version = "1.1", legacy_namespaces = ["old", None])]
impl Ledger {
    /// Fails as expected.
    ///
    /// # Errors
    ///
    /// Returns `Refused`.
    #[expected(Refused)]
    pub async fn transfer(
        &self,
        _ctx: &Context,
        text: String,
        #[since("1.1")] note: ::core::option::Option<u32>,
    ) -> ::core::result::Result<String, Outer> {
        let reason = note.unwrap_or(text.length);
        ::core::result::Result::Err(Outer::Inner { source: Refused { reason } })
    }

    /// Blocks.
    #[rpc(blocking, alias = "wait")]
    pub fn block(&self, _ctx: &Context, text: String) -> u32 {
        text.length
    }

    /// Keeps the endpoint.
    pub fn keep(
        self: ::std::sync::Arc<Self>,
        _ctx: &Context,
        #[rpc(rest)] others: ::rpc_core::Map,
    ) -> usize {
        others.len()
    }
}

/// An endpoint as a trait.
#[endpoint(namespace = "trait")]
pub trait Bank {
    /// Has a body.
    async fn echo(&self, ctx: &Context, text: String) -> String {
        let _ = (self, ctx);
        text
    }
}

impl Bank for Ledger {}

/// An endpoint with a parameter.
#[derive(::core::fmt::Debug)]
pub struct Generic<T>(pub T);

#[endpoint]
impl<T> Generic<T>
where
    T: ::serde::Serialize
        + ::serde::de::DeserializeOwned
        + ::core::clone::Clone
        + ::core::marker::Send
        + ::core::marker::Sync
        + 'static,
{
    /// Returns the value that it holds.
    pub async fn get(&self, _ctx: &Context) -> T {
        self.0.clone()
    }
}
