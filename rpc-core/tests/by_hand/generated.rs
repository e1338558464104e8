//! The generated code, in a module without other names in scope.

#![no_implicit_prelude]

use super::{AccountError, InsufficientFunds, Ledger, LedgerError, Receipt, Store, Transfer};
use ::std::string::String;

impl<S: Store> ::rpc_core::__private::Endpoint for Ledger<S> {
    type Client = ();

    const DESCRIPTOR: &'static ::rpc_core::__private::EndpointDescriptor = {
        use ::core::option::Option::{None, Some};
        use ::rpc_core::__private::{
            ArgDescriptor, ExpectedErrorDescriptor, MethodDescriptor, RpcError, TypeName, Version,
        };

        const METHOD: MethodDescriptor = MethodDescriptor {
            name: "",
            aliases: &[],
            since: None,
            docs: "",
            deprecated: None,
            args: &[],
            rest: None,
            returns: TypeName::of::<()>(),
            expected: &[],
            blocking: false,
        };
        &::rpc_core::__private::EndpointDescriptor {
            name: "Ledger",
            namespaces: &[Some("bank")],
            version: Version::new(1, 2),
            docs: "What the user writes.",
            methods: &[
                MethodDescriptor {
                    name: "transfer",
                    args: &[
                        ArgDescriptor {
                            name: "order",
                            ty: TypeName::of::<Transfer>(),
                            optional: false,
                            since: None,
                        },
                        ArgDescriptor {
                            name: "note",
                            ty: TypeName::of::<::core::option::Option<String>>(),
                            optional: true,
                            since: Some(Version::new(1, 1)),
                        },
                    ],
                    returns: TypeName::of::<Receipt>(),
                    expected: &[
                        ExpectedErrorDescriptor {
                            class: <InsufficientFunds as RpcError>::CLASS,
                            module: <InsufficientFunds as RpcError>::MODULE,
                        },
                        ExpectedErrorDescriptor {
                            class: <AccountError as RpcError>::CLASS,
                            module: <AccountError as RpcError>::MODULE,
                        },
                    ],
                    ..METHOD
                },
                MethodDescriptor {
                    name: "balance",
                    args: &[ArgDescriptor {
                        name: "account",
                        ty: TypeName::of::<String>(),
                        optional: false,
                        since: None,
                    }],
                    returns: TypeName::of::<u64>(),
                    ..METHOD
                },
                MethodDescriptor {
                    name: "thread",
                    returns: TypeName::of::<String>(),
                    blocking: true,
                    ..METHOD
                },
                MethodDescriptor {
                    name: "tag",
                    args: &[ArgDescriptor {
                        name: "account",
                        ty: TypeName::of::<String>(),
                        optional: false,
                        since: None,
                    }],
                    rest: Some("others"),
                    returns: TypeName::of::<String>(),
                    ..METHOD
                },
            ],
        }
    };

    const INVOKE: &'static [::rpc_core::__private::InvokeFn<Self>] = &[
        |endpoint, ctx, args| {
            ::std::boxed::Box::pin(async move {
                let (order, note) = ::rpc_core::__private::decode_args(args, &["order", "note"])?;
                let returned = Self::transfer(endpoint, ctx, order, note).await;
                match ::rpc_core::__private::Fallible::into_result(returned) {
                    ::core::result::Result::Ok(value) => {
                        ::rpc_core::__private::encode_result(args.codec(), &value)
                    }
                    ::core::result::Result::Err(error) => {
                        use ::rpc_core::__private::via::*;
                        let error =
                            (&&&&&&::rpc_core::__private::ErrorProbe(&error)).method_error();
                        if let ::core::option::Option::Some(expected) =
                            error.find(|_: &InsufficientFunds| true)
                        {
                            return ::core::result::Result::Err(
                                ::rpc_core::__private::expected_failure(args.codec(), expected),
                            );
                        }
                        if let ::core::option::Option::Some(expected) = error
                            .find(|error| ::core::matches!(error, AccountError::Unknown { .. }))
                        {
                            return ::core::result::Result::Err(
                                ::rpc_core::__private::expected_failure(args.codec(), expected),
                            );
                        }
                        ::core::result::Result::Err(error.unexpected())
                    }
                }
            })
        },
        |endpoint, ctx, args| {
            ::std::boxed::Box::pin(async move {
                let (account,) = ::rpc_core::__private::decode_args(args, &["account"])?;
                let returned = Self::balance(endpoint, ctx, account);
                use ::rpc_core::__private::ViaPlainValue as _;
                ::rpc_core::__private::return_probe::<u64>()
                    .result_encoder()
                    .encode(args.codec(), &returned)
            })
        },
        |endpoint, ctx, args| {
            ::std::boxed::Box::pin(async move {
                let () = ::rpc_core::__private::decode_args(args, &[])?;
                let (endpoint, ctx) =
                    (::core::clone::Clone::clone(endpoint), ::core::clone::Clone::clone(ctx));
                let returned =
                    ::rpc_core::__private::run_blocking(move || Self::thread(&endpoint, &ctx))
                        .await?;
                ::rpc_core::__private::encode_result(args.codec(), &returned)
            })
        },
        |endpoint, ctx, args| {
            ::std::boxed::Box::pin(async move {
                let ((account,), others) =
                    ::rpc_core::__private::decode_args_and_rest(args, &["account"])?;
                let returned = Self::tag(endpoint, ctx, account, others);
                ::rpc_core::__private::encode_result(args.codec(), &returned)
            })
        },
    ];
}

impl ::rpc_core::__private::RpcError for InsufficientFunds {
    const CLASS: &'static str = "InsufficientFunds";
}

impl ::rpc_core::__private::RpcError for AccountError {
    const CLASS: &'static str = "AccountError";
    const MODULE: ::core::option::Option<&'static str> =
        ::core::option::Option::Some("bank.accounts");
}

impl ::rpc_core::__private::RpcError for LedgerError {
    const CLASS: &'static str = "LedgerError";

    fn visit_sources<'a>(
        &'a self,
        visit: &mut dyn ::core::ops::FnMut(
            &'a (dyn ::core::error::Error + 'static),
        ) -> ::core::ops::ControlFlow<()>,
    ) -> ::core::ops::ControlFlow<()> {
        use ::rpc_core::__private::via::*;
        match self {
            Self::Funds(held) => {
                (&&&&&&::rpc_core::__private::ErrorProbe(held)).method_error().visit(visit)
            }
            Self::Account(held) => {
                (&&&&&&::rpc_core::__private::ErrorProbe(held)).method_error().visit(visit)
            }
        }
    }
}
