//! Names of generated items, and wire names.

use proc_macro2::Span;
use syn::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use crate::errors::Errors;

/// Returns the location of `span` with the hygiene of the macro.
///
/// Local variables cannot clash with the user's, and lints ignore the generated items.
pub(crate) fn mixed_site_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// Creates an identifier at the location of `at`.
pub(crate) fn generated_ident(name: &str, at: &Ident) -> Ident {
    Ident::new(name, mixed_site_at(at.span()))
}

/// Converts `transfer_all` into `TransferAll`.
pub(crate) fn pascal_case(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let mut pascal_case = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        pascal_case.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        pascal_case.push_str(letters.as_str());
    }
    pascal_case
}

/// Returns the wire name of an identifier: its text without `r#`.
pub(crate) fn wire_name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Checks a name that is sent in messages.
pub(crate) fn check_name(name: &LitStr, what: &str, errors: &mut Errors) {
    let value = name.value();
    if value.is_empty() {
        errors.push(name, format!("the {what} is empty"), format!("write a {what}, or remove it"));
    } else if value.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        let problem = format!("the {what} contains whitespace or control characters");
        errors.push(name, problem, "use letters, digits, `_`, `-` and `.`");
    }
}
