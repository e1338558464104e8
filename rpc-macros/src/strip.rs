//! Finds the attributes that `#[endpoint]` consumes, and removes them from the item.
//!
//! They are removed from tokens, and all other tokens stay. So an item that does not parse is still
//! emitted, and an editor's completion keeps working while the user types a signature.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use strsim::osa_distance;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

/// The attributes that `#[endpoint]` consumes.
pub(crate) const ENDPOINT_ATTRS: [&str; 4] = ["expected", "since", "rpc", "local"];

/// An attribute that looks like one of `#[endpoint]`.
pub(crate) enum LookAlike {
    /// `#[rpc_core::since]`. Only `expected` is a macro and may have a path.
    Qualified(&'static str),
    /// `#[expect(SomeType)]`, the compiler's attribute for lints.
    Expect,
    /// `#[cfg_attr(…, since(…))]`.
    Conditional(&'static str),
    /// `#[expeted]`.
    Misspelt,
}

/// Returns the name of the attribute if `#[endpoint]` consumes it.
pub(crate) fn endpoint_attr(attr: &Attribute) -> Option<&'static str> {
    own(attr.path())
}

/// Returns whether `#[endpoint]` removes the attribute: its own attributes, and those that it
/// reports as look-alikes.
pub(crate) fn is_consumed(meta: &Meta) -> bool {
    own(meta.path()).is_some() || look_alike(meta).is_some()
}

fn own(path: &Path) -> Option<&'static str> {
    let last = path.segments.last()?;
    let own = ENDPOINT_ATTRS.into_iter().find(|own| last.ident == own)?;
    // The other three are not macros. A path with one of their names is an attribute of another
    // crate.
    (path.segments.len() == 1 || own == "expected").then_some(own)
}

pub(crate) fn look_alike(meta: &Meta) -> Option<LookAlike> {
    let segments = &meta.path().segments;
    let (first, last) = (segments.first()?, segments.last()?.ident.to_string());
    if segments.len() > 1 {
        let ours = first.ident == "rpc_core" || first.ident == "rpc_macros";
        let name = ENDPOINT_ATTRS.into_iter().find(|own| *own == last && *own != "expected")?;
        return ours.then_some(LookAlike::Qualified(name));
    }
    match last.as_str() {
        "expect" => names_types(meta).then_some(LookAlike::Expect),
        "cfg_attr" => conditional(meta).map(LookAlike::Conditional),
        "expected" => None,
        name => (osa_distance(name, "expected") <= 2).then_some(LookAlike::Misspelt),
    }
}

/// Returns whether the arguments contain a type. The names of lints begin with a lower-case letter.
fn names_types(meta: &Meta) -> bool {
    let Meta::List(list) = meta else { return false };
    let paths = Punctuated::<Path, Token![,]>::parse_terminated;
    let is_type = |path: &Path| {
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        last.is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    list.parse_args_with(paths).is_ok_and(|paths| paths.iter().any(is_type))
}

/// Returns the endpoint attribute that a `cfg_attr` would add.
fn conditional(meta: &Meta) -> Option<&'static str> {
    let Meta::List(list) = meta else { return None };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    parts.iter().skip(1).find_map(|added| own(added.path()))
}

/// Removes the endpoint attributes from the methods of an item and from their arguments.
pub(crate) fn item(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => within(&group),
            other => other,
        })
        .collect()
}

fn within(group: &Group) -> TokenTree {
    let mut stripped = Group::new(group.delimiter(), methods(group.stream()));
    stripped.set_span(group.span());
    stripped.into()
}

/// Removes the attributes from tokens and argument lists. Bodies, which are brace groups, stay
/// unchanged.
fn methods(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut trees = tokens.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(ref punct) if punct.as_char() == '#' => match trees.peek() {
                Some(TokenTree::Group(group)) if is_own(group) => {
                    trees.next();
                }
                _ => kept.push(tree),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                kept.push(within(&group));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

/// Returns whether the bracket group after a `#` is an attribute to remove.
fn is_own(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && syn::parse2::<Meta>(group.stream()).is_ok_and(|meta| is_consumed(&meta))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn slips_of_the_finger_are_near() {
        for near in ["expeted", "exepcted", "expectd", "expects", "Expected", "expectedd"] {
            assert!(osa_distance(near, "expected") <= 2, "{near}");
        }
        for far in ["inline", "must_use", "deprecated", "test", "instrument", "except_all"] {
            assert!(osa_distance(far, "expected") > 2, "{far}");
        }
    }

    #[test]
    fn attributes_of_others_stay() {
        let stays = |meta: Meta| !is_consumed(&meta);
        assert!(stays(parse_quote!(expect(dead_code, clippy::todo))));
        assert!(stays(parse_quote!(cfg_attr(unix, inline))));
        assert!(stays(parse_quote!(other::rpc(name = "a"))));
        assert!(stays(parse_quote!(doc = "since")));
        assert!(!stays(parse_quote!(rpc_core::expected(NotFound))));
        assert!(!stays(parse_quote!(since("1.0"))));
    }
}
