//! Removes the attributes that `#[endpoint]` consumes from the item.
//!
//! They are removed from tokens, and all other tokens stay. So an item that does not parse is still
//! emitted, and an editor's completion keeps working while the user types a signature.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::Meta;

use crate::endpoint_attrs::is_consumed;

/// Removes the endpoint attributes from the methods of an item and from their arguments.
pub(crate) fn strip_item(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => strip_group(&group),
            other => other,
        })
        .collect()
}

fn strip_group(group: &Group) -> TokenTree {
    let mut stripped = Group::new(group.delimiter(), strip_methods(group.stream()));
    stripped.set_span(group.span());
    stripped.into()
}

/// Removes the attributes from tokens and argument lists. Bodies, which are brace groups, stay
/// unchanged.
fn strip_methods(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut trees = tokens.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(ref punct) if punct.as_char() == '#' => match trees.peek() {
                Some(TokenTree::Group(group)) if is_endpoint_attr(group) => {
                    trees.next();
                }
                _ => kept.push(tree),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                kept.push(strip_group(&group));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

/// Returns whether the bracket group after a `#` is an attribute to remove.
fn is_endpoint_attr(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && syn::parse2::<Meta>(group.stream()).is_ok_and(|meta| is_consumed(&meta))
}
