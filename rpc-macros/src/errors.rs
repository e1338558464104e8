//! The sink for everything that is wrong with an annotated item.
//!
//! Stages put in what they find and go on, so that one compile reports all of it. Each mistake says what is wrong and,
//! on a line of its own, what to write instead.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// All mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

/// How many mistakes there were at some point; tells whether a section added any.
#[derive(Copy, Clone)]
pub(crate) struct Mark(usize);

impl Errors {
    /// Adds a mistake located at `tokens`.
    pub(crate) fn push(
        &mut self,
        tokens: impl ToTokens,
        what: impl AsRef<str>,
        advice: impl AsRef<str>,
    ) {
        self.0.push(mistake(tokens, what, advice));
    }

    /// Adds mistakes found by a parser.
    pub(crate) fn extend(&mut self, error: syn::Error) {
        self.0.extend(error);
    }

    /// The value, or its mistake added.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.extend(error)).ok()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.0.len())
    }

    /// Whether nothing was added after `mark`.
    pub(crate) fn clean_since(&self, mark: Mark) -> bool {
        self.0.len() == mark.0
    }

    /// One `compile_error!` for each.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// A mistake for parsers, which stop at the first.
pub(crate) fn mistake(
    tokens: impl ToTokens,
    what: impl AsRef<str>,
    advice: impl AsRef<str>,
) -> syn::Error {
    syn::Error::new_spanned(tokens, text(what.as_ref(), advice.as_ref()))
}

/// [`mistake`] at a span, where no token is left to point at.
pub(crate) fn mistake_at(
    span: proc_macro2::Span,
    what: impl AsRef<str>,
    advice: impl AsRef<str>,
) -> syn::Error {
    syn::Error::new(span, text(what.as_ref(), advice.as_ref()))
}

fn text(what: &str, advice: &str) -> String {
    format!("{what}\nhelp: {advice}")
}
