//! What expansion reads: everything is checked, every default filled in.

use syn::{Attribute, Generics, Ident, Path, Type, Visibility};

use crate::version::Version;

/// An annotated `impl` block or trait.
pub(crate) struct Endpoint {
    /// Where the runtime is: `::rpc_core` unless `crate = …` says otherwise.
    pub(crate) krate: Path,
    /// The item's `#[cfg]`s, repeated on everything generated from it.
    pub(crate) cfgs: Vec<Attribute>,
    /// The name of the annotated type or trait.
    pub(crate) name: Ident,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) host: Host,
    /// The own namespace first, then the legacy ones.
    pub(crate) namespaces: Vec<Option<String>>,
    pub(crate) version: Version,
    pub(crate) client: Client,
    /// Of the item, as written.
    pub(crate) generics: Generics,
    pub(crate) methods: Vec<Method>,
    /// Methods with a mistake: their clients are generated all the same, so that callers report nothing on top.
    pub(crate) broken: Vec<Method>,
}

/// Where the methods are.
pub(crate) enum Host {
    Impl {
        self_ty: Box<Type>,
    },
    /// The trait's implementors are wrapped in the generated `newtype`.
    Trait {
        vis: Visibility,
        newtype: Ident,
    },
}

pub(crate) struct Client {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    /// The parameters of [`Endpoint::generics`] that occur in what the client says, with their bounds.
    pub(crate) generics: Generics,
}

pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) since: Option<Version>,
    pub(crate) receiver: Receiver,
    pub(crate) flavour: Flavour,
    pub(crate) args: Vec<Arg>,
    /// Takes all arguments that no other one takes; the last.
    pub(crate) rest: Option<Arg>,
    pub(crate) output: Output,
    pub(crate) expected: Option<Expected>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// `&self`
    Ref,
    /// `self: Arc<Self>`
    Arc,
    /// `self: &Arc<Self>`
    RefArc,
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Flavour {
    Async,
    Sync,
    /// Off the asynchronous threads.
    Blocking,
}

pub(crate) struct Arg {
    pub(crate) ident: Ident,
    pub(crate) wire: String,
    pub(crate) ty: Type,
    /// The type is written as an `Option`: left out by the client when `None`.
    pub(crate) optional: bool,
    /// Newer than the method itself.
    pub(crate) since: Option<Version>,
}

/// What a method returns.
pub(crate) enum Output {
    /// Nothing, or a value as it is.
    Plain(Box<Type>),
    /// A `Result` as it was written; `ok` is what reaches the client.
    Fallible { written: Box<Type>, ok: Box<Type> },
}

impl Output {
    /// The type that the client gets.
    pub(crate) fn ok(&self) -> &Type {
        match self {
            Self::Plain(ok) => ok,
            Self::Fallible { ok, .. } => ok,
        }
    }
}

/// The expected errors of a method.
pub(crate) struct Expected {
    /// The generated enum.
    pub(crate) ident: Ident,
    /// The parameters that its entries name.
    pub(crate) generics: Generics,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    /// The variant of the generated enum.
    pub(crate) name: Ident,
    /// The error type that travels.
    pub(crate) ty: Path,
    /// The variant of that type, where the entry names one.
    pub(crate) variant: Option<Path>,
}
