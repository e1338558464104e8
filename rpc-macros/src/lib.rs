//! The macros of `rpc-core`, which re-exports and documents them.
//!
//! Depend on `rpc-core` instead of this crate. The generated code calls `rpc-core`, and both change
//! together.
//!
//! The stages of an expansion: `args` parses the arguments of the attributes and `ast` the
//! annotated item (signatures only, bodies stay tokens). `validate` checks both, collects all
//! errors and builds the `model`. `expand` generates code from the model and cannot fail.

/// Quotes tokens with the hygiene of the macro, so that local variables cannot clash with the
/// user's.
macro_rules! emit {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod args;
mod ast;
mod derive_error;
mod endpoint_attrs;
mod errors;
mod expand;
mod model;
mod names;
mod strip;
mod validate;
mod version;

use proc_macro::TokenStream;

#[allow(missing_docs, reason = "the documentation is on the re-export")]
#[proc_macro_attribute]
pub fn endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::endpoint(args.into(), item.into()).into()
}

#[allow(missing_docs, reason = "the documentation is on the re-export")]
#[proc_macro_attribute]
pub fn expected(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::misplaced_expected(&args.into(), &item.into()).into()
}

#[allow(missing_docs, reason = "the documentation is on the re-export")]
#[proc_macro_derive(RpcError, attributes(rpc_error))]
pub fn derive_rpc_error(item: TokenStream) -> TokenStream {
    derive_error::derive(item.into()).into()
}
