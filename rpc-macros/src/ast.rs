//! The syntax tree of the annotated item. Signatures are parsed, bodies stay tokens.
//!
//! So an unfinished body does not break the macro, and no time is spent on parsing bodies.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Generics, Ident, Path, Signature, Token, Type, TypeParamBound, Visibility, braced,
};

use crate::errors::spanned_error;

/// The item that `#[endpoint]` is on.
pub(crate) struct Item {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) kind: ItemKind,
    pub(crate) generics: Generics,
    pub(crate) members: Vec<Member>,
}

pub(crate) enum ItemKind {
    Impl(Box<Impl>),
    Trait(Box<Trait>),
}

pub(crate) struct Impl {
    pub(crate) impl_token: Token![impl],
    /// The trait of an `impl Trait for Type`.
    pub(crate) trait_: Option<Path>,
    pub(crate) self_ty: Type,
}

pub(crate) struct Trait {
    pub(crate) vis: Visibility,
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) trait_token: Token![trait],
    pub(crate) ident: Ident,
    pub(crate) supertraits: Punctuated<TypeParamBound, Token![+]>,
}

/// An item between the braces.
pub(crate) enum Member {
    Method(Box<Method>),
    /// A macro call. Its expansion is not visible.
    Macro(TokenStream),
    /// A constant or a type.
    Other(TokenStream),
}

pub(crate) struct Method {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) default_token: Option<TokenTree>,
    pub(crate) sig: Signature,
    pub(crate) body: Body,
}

/// A body in braces, or the semicolon of a trait method without a body.
pub(crate) enum Body {
    Block(TokenTree),
    Semi(Token![;]),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let ahead = input.fork();
        let _: Visibility = ahead.parse()?;
        let _: Option<Token![unsafe]> = ahead.parse()?;
        if ahead.peek(Token![trait]) {
            parse_trait(attrs, input)
        } else if ahead.peek(Token![impl]) {
            parse_impl(attrs, input)
        } else {
            let rest: TokenStream = ahead.parse()?;
            Err(spanned_error(
                rest.into_iter().next(),
                "`#[endpoint]` must be on an `impl` block or a trait",
                "put it on the `impl` block whose `pub` methods clients may call",
            ))
        }
    }
}

fn parse_impl(attrs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Item> {
    let _: Option<Token![unsafe]> = input.parse()?;
    let impl_token = input.parse()?;
    // `impl<T>` declares generics, `impl <T as Trait>::Type` does not.
    let declares = input.peek(Token![<])
        && (input.peek2(Token![>])
            || input.peek2(Token![#])
            || (input.peek2(Ident) || input.peek2(syn::Lifetime))
                && (input.peek3(Token![:])
                    || input.peek3(Token![,])
                    || input.peek3(Token![>])
                    || input.peek3(Token![=]))
            || input.peek2(Token![const]));
    let mut generics: Generics = if declares { input.parse()? } else { Generics::default() };
    let first: Type = input.parse()?;
    let (trait_, self_ty) = if input.peek(Token![for]) {
        let _: Token![for] = input.parse()?;
        let trait_ = match first {
            Type::Path(path) => path.path,
            other => return Err(spanned_error(other, "expected a trait", "name the trait")),
        };
        (Some(trait_), input.parse()?)
    } else {
        (None, first)
    };
    generics.where_clause = input.parse()?;
    let members = parse_members(input)?;
    Ok(Item {
        attrs,
        kind: ItemKind::Impl(Box::new(Impl { impl_token, trait_, self_ty })),
        generics,
        members,
    })
}

fn parse_trait(attrs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Item> {
    let vis = input.parse()?;
    let unsafety = input.parse()?;
    let trait_token = input.parse()?;
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    let mut supertraits = Punctuated::new();
    if input.parse::<Option<Token![:]>>()?.is_some() {
        while !(input.peek(syn::token::Brace) || input.peek(Token![where])) {
            supertraits.push_value(input.parse()?);
            if !input.peek(Token![+]) {
                break;
            }
            supertraits.push_punct(input.parse()?);
        }
    }
    generics.where_clause = input.parse()?;
    let members = parse_members(input)?;
    let kind = ItemKind::Trait(Box::new(Trait { vis, unsafety, trait_token, ident, supertraits }));
    Ok(Item { attrs, kind, generics, members })
}

fn parse_members(input: ParseStream<'_>) -> syn::Result<Vec<Member>> {
    let content;
    braced!(content in input);
    let mut members = Vec::new();
    while !content.is_empty() {
        members.push(content.parse()?);
    }
    Ok(members)
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let _ = ahead.call(Attribute::parse_outer)?;
        let vis: Visibility = ahead.parse()?;
        if ahead.peek(Token![default]) && !ahead.peek2(Token![!]) {
            let _: Token![default] = ahead.parse()?;
        }
        if is_function(&ahead) {
            return input.parse().map(|method| Self::Method(Box::new(method)));
        }
        let is_value = ahead.peek(Token![const]) || ahead.peek(Token![type]);
        let tokens = rest_of_member(input)?;
        let is_macro = matches!(vis, Visibility::Inherited) && !is_value;
        Ok(if is_macro { Self::Macro(tokens) } else { Self::Other(tokens) })
    }
}

/// Returns whether a signature follows: qualifiers, then `fn`.
fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    loop {
        if ahead.peek(Token![fn]) {
            return true;
        }
        let qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(syn::LitStr);
        if !qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
}

/// Parses up to a semicolon or the closing brace of a macro call.
fn rest_of_member(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut after_bang = false;
    while !input.is_empty() {
        let semicolon = input.peek(Token![;]);
        let bang = input.peek(Token![!]);
        let tree: TokenTree = input.parse()?;
        let braces =
            matches!(&tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        tree.to_tokens(&mut tokens);
        if semicolon || (braces && after_bang && !input.peek(Token![;])) {
            break;
        }
        after_bang = bang;
    }
    Ok(tokens)
}

impl Parse for Method {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let default_token = if input.peek(Token![default]) { Some(input.parse()?) } else { None };
        let sig = input.parse()?;
        let body = if input.peek(Token![;]) {
            Body::Semi(input.parse()?)
        } else if input.peek(syn::token::Brace) {
            Body::Block(input.parse()?)
        } else {
            return Err(input.error("expected a body in braces, or `;`"));
        };
        Ok(Self { attrs, vis, default_token, sig, body })
    }
}

impl Method {
    pub(crate) fn is_pub(&self) -> bool {
        matches!(self.vis, Visibility::Public(_))
    }
}
