//! The macro neither panics nor drops the item, whatever the input.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;

use super::endpoint;

fn impl_block() -> TokenStream {
    quote! {
        /// Accounts.
        impl<'s, S: Store, const N: usize> Ledger<'s, S, N> where S::Value: Clone {
            const LIMIT: u64 = 1;
            /// Moves money.
            #[expected(NotFound, LedgerError::Closed as Shut)]
            #[since("1.1")]
            #[rpc(name = "move", alias = "transfer")]
            pub async fn transfer(
                &self,
                ctx: &Context,
                order: Transfer<S::Value>,
                #[since("1.2")] note: Option<String>,
                #[rpc(rest)] others: Map,
            ) -> Result<Receipt, LedgerError> {
                self.helper(|x| x < 1)
            }
            #[cfg(unix)]
            #[rpc(blocking)]
            pub fn balance(self: Arc<Self>, _: &Context, r#type: u8) -> u64 { 1 }
            fn helper(&self) {}
        }
    }
}

fn trait_() -> TokenStream {
    quote! {
        pub trait Bank<T>: Debug where T: Clone {
            type Error: Error;
            async fn get(&self, ctx: &Context, key: T) -> Result<T, Self::Error>;
            async fn both(&self, ctx: &Context) -> u8 { 1 }
            #[local] fn helper(&self) {}
        }
    }
}

fn args() -> TokenStream {
    quote!(
        namespace = "bank",
        version = "1.2",
        legacy_namespaces = ["old", None],
        client = pub(crate) Bank,
        crate = ::rpc,
    )
}

/// Counts the tokens, including those in groups.
fn count(tokens: &TokenStream) -> usize {
    let inside = |token: TokenTree| match token {
        TokenTree::Group(group) => count(&group.stream()) + 1,
        _ => 1,
    };
    tokens.clone().into_iter().map(inside).sum()
}

/// Removes the token at `position`. A group is removed with its content.
fn without(tokens: TokenStream, position: &mut isize) -> TokenStream {
    let mut kept = Vec::new();
    for token in tokens {
        *position -= 1;
        if *position == -1 {
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), without(group.stream(), position)).into()
            }
            other => other,
        });
    }
    kept.into_iter().collect()
}

fn each_without_one(tokens: &TokenStream) -> impl Iterator<Item = TokenStream> {
    (0..count(tokens)).map(|index| without(tokens.clone(), &mut index.cast_signed()))
}

#[test]
fn nothing_is_wrong_with_the_samples() {
    for item in [impl_block(), trait_()] {
        let output = endpoint(args(), item).to_string();
        assert!(!output.contains("compile_error"), "{output}");
        assert!(output.contains(":: rpc :: __private :: Endpoint for"), "{output}");
        assert!(!output.contains(":: rpc_core"), "the path is not overridden: {output}");
    }
}

#[test]
fn a_token_that_is_missing_anywhere_in_the_item_is_survived() {
    for item in [impl_block(), trait_()] {
        for unfinished in each_without_one(&item) {
            let output = endpoint(args(), unfinished.clone()).to_string();
            assert!(output.contains("helper") || !unfinished.to_string().contains("helper"));
        }
    }
}

#[test]
fn a_token_that_is_missing_in_the_arguments_is_survived() {
    for arguments in each_without_one(&args()) {
        let output = endpoint(arguments, impl_block()).to_string();
        assert!(output.contains("fn helper (& self)"), "{output}");
        assert!(output.contains("Endpoint for Ledger"), "{output}");
    }
}

#[test]
fn our_attributes_do_not_come_out() {
    for item in [impl_block(), trait_()] {
        let output = endpoint(TokenStream::new(), item).to_string();
        for attribute in ["# [expected", "# [since", "# [rpc", "# [local"] {
            assert!(!output.contains(attribute), "{attribute} in {output}");
        }
    }
}

#[test]
fn a_body_that_does_not_parse_is_passed_through() {
    let output = endpoint(
        TokenStream::new(),
        quote! { impl Ledger { pub fn ping(&self, _: &Context) { self. } } },
    );
    let output = output.to_string();
    assert!(output.contains("{ self . }"), "{output}");
    assert!(!output.contains("compile_error"), "{output}");
}
