//! The generic parameters of generated items.
//!
//! A generated item has only those parameters that occur in its signatures. With all of them,
//! callers would have to write `LedgerClient::<SomeStore>`, although they never use the store.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{GenericParam, Generics, WhereClause, WherePredicate};

use crate::model::Method;

/// Returns the parameters that occur in the signatures of the client's methods.
pub(super) fn of_client<'a>(all: &Generics, methods: impl Iterator<Item = &'a Method>) -> Generics {
    let mut named = TokenStream::new();
    for method in methods {
        method.args.iter().chain(&method.rest).for_each(|arg| arg.ty.to_tokens(&mut named));
        method.output.ok().to_tokens(&mut named);
        for entry in method.expected.iter().flat_map(|expected| &expected.entries) {
            entry.ty.to_tokens(&mut named);
        }
    }
    occurring(all, named)
}

/// Returns the parameters that occur in `tokens`, those that occur in their bounds, and the
/// predicates about them.
pub(super) fn occurring(all: &Generics, tokens: TokenStream) -> Generics {
    let names: HashSet<String> = all.params.iter().map(name).collect();
    let mut kept = HashSet::new();
    mentioned(tokens, &names, &mut kept);
    loop {
        let mut grown = kept.clone();
        for param in all.params.iter().filter(|param| kept.contains(&name(param))) {
            mentioned(param.to_token_stream(), &names, &mut grown);
        }
        if grown.len() == kept.len() {
            break;
        }
        kept = grown;
    }
    let params: Punctuated<_, _> =
        all.params.iter().filter(|param| kept.contains(&name(param))).cloned().collect();
    let about_kept = |predicate: &&WherePredicate| {
        let mut about = HashSet::new();
        mentioned(predicate.to_token_stream(), &names, &mut about);
        !about.is_empty() && about.is_subset(&kept)
    };
    let predicates: Punctuated<_, _> = all
        .where_clause
        .iter()
        .flat_map(|clause| clause.predicates.iter())
        .filter(about_kept)
        .cloned()
        .collect();
    let where_clause = (!predicates.is_empty())
        .then(|| WhereClause { where_token: Default::default(), predicates });
    let bracketed = !params.is_empty();
    Generics {
        lt_token: bracketed.then(Default::default),
        params,
        gt_token: bracketed.then(Default::default),
        where_clause,
    }
}

/// Returns the name of a parameter. That of a lifetime includes the apostrophe.
fn name(param: &GenericParam) -> String {
    match param {
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
        GenericParam::Type(param) => param.ident.to_string(),
        GenericParam::Const(param) => param.ident.to_string(),
    }
}

fn mentioned(tokens: TokenStream, names: &HashSet<String>, found: &mut HashSet<String>) {
    let mut apostrophe = false;
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => mentioned(group.stream(), names, found),
            TokenTree::Ident(ident) => {
                let name = if apostrophe { format!("'{ident}") } else { ident.to_string() };
                if names.contains(&name) {
                    found.insert(name);
                }
                apostrophe = false;
            }
            TokenTree::Punct(punct) => apostrophe = punct.as_char() == '\'',
            TokenTree::Literal(_) => apostrophe = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn kept(item: &syn::ItemImpl, tokens: TokenStream) -> String {
        let generics = occurring(&item.generics, tokens);
        let clause = &generics.where_clause;
        quote!(#generics #clause).to_string().replace(' ', "")
    }

    #[test]
    fn only_what_occurs_is_kept_with_its_bounds() {
        let item = parse_quote! {
            impl<'a, S: Store, T: Into<U>, U, const N: usize> X where S::Value: Clone, T: Copy, Vec<U>: Eq {}
        };
        assert_eq!(kept(&item, quote!(String)), "");
        assert_eq!(kept(&item, quote!(Vec<S::Value>)), "<S:Store>whereS::Value:Clone");
        assert_eq!(kept(&item, quote!([u8; N])), "<constN:usize>");
        assert_eq!(kept(&item, quote!(Cow<'a, str>)), "<'a>");
    }

    #[test]
    fn what_a_bound_names_is_kept_with_it() {
        let item =
            parse_quote! { impl<S, T: Into<U>, U> X where T: Copy, Vec<U>: Eq, S: From<U> {} };
        assert_eq!(kept(&item, quote!(Option<T>)), "<T:Into<U>,U>whereT:Copy,Vec<U>:Eq");
    }
}
