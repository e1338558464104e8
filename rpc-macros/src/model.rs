//! The input of the expansion: checked, with all defaults filled in.

use syn::{Attribute, Generics, Ident, Path, Type, Visibility};

use crate::version::Version;

/// An annotated `impl` block or trait.
pub(crate) struct Endpoint {
    /// The path of `rpc-core`. Default: `::rpc_core`.
    pub(crate) krate: Path,
    /// The `#[cfg]`s of the item, which are repeated on all generated items.
    pub(crate) cfgs: Vec<Attribute>,
    /// The name of the annotated type or trait.
    pub(crate) name: Ident,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) kind: EndpointKind,
    /// The namespaces: its own first, then the legacy ones.
    pub(crate) namespaces: Vec<Option<String>>,
    pub(crate) version: Version,
    pub(crate) client: Client,
    /// The generics of the item.
    pub(crate) generics: Generics,
    pub(crate) methods: Vec<Method>,
    /// Methods with an error. Their client methods are generated nevertheless, so that callers
    /// cause no further errors.
    pub(crate) invalid: Vec<Method>,
}

/// The kind of the annotated item.
pub(crate) enum EndpointKind {
    Impl {
        self_ty: Box<Type>,
    },
    /// A trait. Its implementations are wrapped in the generated `newtype`.
    Trait {
        vis: Visibility,
        newtype: Ident,
    },
}

pub(crate) struct Client {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    /// The parameters of [`Endpoint::generics`] that occur in the signatures of the client, with
    /// their bounds.
    pub(crate) generics: Generics,
}

pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
    /// The wire name.
    pub(crate) wire: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) since: Option<Version>,
    pub(crate) receiver: Receiver,
    pub(crate) execution: Execution,
    pub(crate) args: Vec<Arg>,
    /// The last argument, if it takes all remaining ones.
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
pub(crate) enum Execution {
    Async,
    Sync,
    /// On tokio's blocking thread pool.
    Blocking,
}

pub(crate) struct Arg {
    pub(crate) ident: Ident,
    pub(crate) wire: String,
    pub(crate) ty: Type,
    /// Whether the type is written as an `Option`. The client omits `None`.
    pub(crate) optional: bool,
    /// The version that added the argument, if it is newer than the method.
    pub(crate) since: Option<Version>,
}

/// The return type of a method.
pub(crate) enum Output {
    /// A plain value, or nothing.
    Plain(Box<Type>),
    /// A `Result`, as written. `ok` is the type that the client returns.
    Fallible { written: Box<Type>, ok: Box<Type> },
}

impl Output {
    /// Returns the type of a successful result.
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
    /// The parameters that occur in the entries.
    pub(crate) generics: Generics,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    /// The variant of the generated enum.
    pub(crate) name: Ident,
    /// The error type.
    pub(crate) ty: Path,
    /// The variant of the error type, if the entry names one.
    pub(crate) variant: Option<Path>,
}
