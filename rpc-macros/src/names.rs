//! Names: what generated items are called, and what may travel as a name.

use proc_macro2::Span;
use syn::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::errors::Errors;

/// The location of `span` with the hygiene of the macro: local variables cannot meet the user's, and lints leave
/// generated items alone.
pub(crate) fn mixed(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// A generated identifier, located at what it was made of.
pub(crate) fn generated(name: &str, at: &Ident) -> Ident {
    Ident::new(name, mixed(at.span()))
}

/// `transfer_all` as `TransferAll`.
pub(crate) fn pascal(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let mut pascal = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        pascal.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        pascal.push_str(letters.as_str());
    }
    pascal
}

/// The name of an identifier on the wire.
pub(crate) fn wire(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Refuses names that would only travel by mistake.
pub(crate) fn check(name: &LitStr, what: &str, errors: &mut Errors) {
    let value = name.value();
    if value.is_empty() {
        errors.push(
            name,
            format!("the {what} is empty"),
            format!("write a {what}, or leave it out"),
        );
    } else if value.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        let problem = format!("the {what} contains blanks or control characters");
        errors.push(name, problem, "use letters, digits, `_`, `-` and `.`");
    }
}
