//! Which attributes are ours, and an item without them.
//!
//! Removing works on tokens and touches nothing else, so that the user's item comes out whole even where it does not parse: an editor keeps completing
//! while a signature is half written.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

/// The attributes that `#[endpoint]` consumes.
pub(crate) const OWN: [&str; 4] = ["expected", "since", "rpc", "local"];

/// An attribute that somebody may take for one of ours.
pub(crate) enum LookAlike {
    /// `#[rpc_core::since]`: only `expected` is a macro with a path.
    Qualified(&'static str),
    /// `#[expect(SomeType)]`: the compiler's own, for lints.
    Expect,
    /// `#[cfg_attr(…, since(…))]`.
    Conditional(&'static str),
    /// `#[expeted]`.
    Misspelt,
}

/// Whether the attribute is one of ours, and which.
pub(crate) fn own_name(attr: &Attribute) -> Option<&'static str> {
    own(attr.path())
}

/// Whether `#[endpoint]` takes the attribute away: ours, and what it has reported as none of ours.
pub(crate) fn is_consumed(meta: &Meta) -> bool {
    own(meta.path()).is_some() || look_alike(meta).is_some()
}

fn own(path: &Path) -> Option<&'static str> {
    let last = path.segments.last()?;
    let own = OWN.into_iter().find(|own| last.ident == own)?;
    // The other three are no macros; whatever is qualified by that name belongs to somebody else.
    (path.segments.len() == 1 || own == "expected").then_some(own)
}

pub(crate) fn look_alike(meta: &Meta) -> Option<LookAlike> {
    let segments = &meta.path().segments;
    let (first, last) = (segments.first()?, segments.last()?.ident.to_string());
    if segments.len() > 1 {
        let ours = first.ident == "rpc_core" || first.ident == "rpc_macros";
        let name = OWN.into_iter().find(|own| *own == last && *own != "expected")?;
        return ours.then_some(LookAlike::Qualified(name));
    }
    match last.as_str() {
        "expect" => names_types(meta).then_some(LookAlike::Expect),
        "cfg_attr" => conditional(meta).map(LookAlike::Conditional),
        "expected" => None,
        name => (distance(name, "expected") <= 2).then_some(LookAlike::Misspelt),
    }
}

/// Lints begin with a small letter.
fn names_types(meta: &Meta) -> bool {
    let Meta::List(list) = meta else { return false };
    let paths = Punctuated::<Path, Token![,]>::parse_terminated;
    let is_type = |path: &Path| {
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        last.is_some_and(|last| last.starts_with(char::is_uppercase))
    };
    list.parse_args_with(paths).is_ok_and(|paths| paths.iter().any(is_type))
}

/// The attribute of ours that a `cfg_attr` would add.
fn conditional(meta: &Meta) -> Option<&'static str> {
    let Meta::List(list) = meta else { return None };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    parts.iter().skip(1).find_map(|added| own(added.path()))
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for column in 0..right.len() {
            let replaced = last[column] + usize::from(letter != right[column]);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if column > 0 && previous == Some(right[column]) && letter == right[column - 1] {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last[right.len()]
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

/// Whether the bracket group behind a `#` is an attribute to take away.
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
            assert!(distance(near, "expected") <= 2, "{near}");
        }
        for far in ["inline", "must_use", "deprecated", "test", "instrument", "except_all"] {
            assert!(distance(far, "expected") > 2, "{far}");
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
