//! The macros behind `rpc-core`, which re-exports and documents them. Depend on that crate, not on this one: what is
//! generated calls into it, and both change together.
//!
//! Each stage has types of its own: the text of attributes becomes `args`, the annotated item `ast` (signatures
//! only, bodies stay tokens), `validate` makes the `model` of both and collects every mistake, and `expand` reads
//! the model, which leaves it nothing to fail on.

/// `quote!` with the hygiene of the macro: local variables cannot meet the user's.
macro_rules! emit {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod args;
mod ast;
mod derive_error;
mod errors;
mod expand;
mod model;
mod names;
mod strip;
mod validate;
mod version;

use proc_macro::TokenStream;

#[allow(missing_docs, reason = "what stood here would follow the documentation of the re-export")]
#[proc_macro_attribute]
pub fn endpoint(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::endpoint(args.into(), item.into()).into()
}

#[allow(missing_docs, reason = "what stood here would follow the documentation of the re-export")]
#[proc_macro_attribute]
pub fn expected(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::misplaced_expected(&args.into(), &item.into()).into()
}

#[allow(missing_docs, reason = "what stood here would follow the documentation of the re-export")]
#[proc_macro_derive(RpcError, attributes(rpc_error))]
pub fn derive_rpc_error(item: TokenStream) -> TokenStream {
    derive_error::derive(item.into()).into()
}
