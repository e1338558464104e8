//! Removes this crate's attributes from an item and touches nothing else.
//!
//! Works on tokens, so that the user's item comes out whole even where it does not parse: an editor keeps completing
//! while a signature is half written.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::Attribute;

/// The attributes that `#[endpoint]` consumes.
pub(crate) const OWN: [&str; 4] = ["expected", "since", "rpc", "local"];

/// Whether the attribute is one of ours, and which.
pub(crate) fn own_name(attr: &Attribute) -> Option<&'static str> {
    let last = attr.path().segments.last()?;
    let own = OWN.into_iter().find(|own| last.ident == own)?;
    let qualifiers = attr.path().segments.len() - 1;
    // The other three are no macros; whatever is qualified by that name belongs to somebody else.
    (qualifiers == 0 || own == "expected").then_some(own)
}

/// The annotated item without our attributes on its methods and their arguments.
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

/// Bodies are brace groups and stay as they are; argument lists are parenthesised.
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

/// Whether the bracket group behind a `#` is one of our attributes.
fn is_own(group: &Group) -> bool {
    if group.delimiter() != Delimiter::Bracket {
        return false;
    }
    let path: Vec<String> = group
        .stream()
        .into_iter()
        .take_while(|tree| !matches!(tree, TokenTree::Group(_)))
        .map(|tree| tree.to_string())
        .collect();
    match path.as_slice() {
        [name] => OWN.contains(&name.as_str()),
        [.., name] => name == "expected" && path.iter().any(|part| part == ":"),
        [] => false,
    }
}
