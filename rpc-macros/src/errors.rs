//! The errors of an expansion.
//!
//! Every stage adds the errors it finds and continues, so that one compilation reports all of them.
//! Each error says what is wrong and, on a line of its own, what to write instead.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

/// The number of errors at some point, to find out whether a section added any.
#[derive(Copy, Clone)]
pub(crate) struct Mark(usize);

impl Errors {
    /// Adds an error at the span of `tokens`.
    pub(crate) fn push(
        &mut self,
        tokens: impl ToTokens,
        problem: impl AsRef<str>,
        help: impl AsRef<str>,
    ) {
        self.0.push(spanned_error(tokens, problem, help));
    }

    /// Adds the errors of a parser.
    pub(crate) fn extend(&mut self, error: syn::Error) {
        self.0.extend(error);
    }

    /// Returns the value, or adds the error.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.extend(error)).ok()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.0.len())
    }

    /// Returns whether no error was added after `mark`.
    pub(crate) fn clean_since(&self, mark: Mark) -> bool {
        self.0.len() == mark.0
    }

    /// Generates a `compile_error!` for each error.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// Creates an error at the span of `tokens`, for a parser.
pub(crate) fn spanned_error(
    tokens: impl ToTokens,
    problem: impl AsRef<str>,
    help: impl AsRef<str>,
) -> syn::Error {
    syn::Error::new_spanned(tokens, text(problem.as_ref(), help.as_ref()))
}

/// Creates an error at a span, for a parser without a token to point at.
pub(crate) fn error_at(
    span: proc_macro2::Span,
    problem: impl AsRef<str>,
    help: impl AsRef<str>,
) -> syn::Error {
    syn::Error::new(span, text(problem.as_ref(), help.as_ref()))
}

fn text(problem: &str, help: &str) -> String {
    format!("{problem}\nhelp: {help}")
}
