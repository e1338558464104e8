//! What the macros generate: a description of an endpoint and the functions that invoke its methods.
//!
//! Two tables in the same order. The [`EndpointDescriptor`] knows no user type, so that tools can read it; the table of
//! [`Invoke`] functions is typed and is only ever used together with the endpoint it belongs to. `static` items cannot
//! be generic, associated constants can, which is why both are constants of the [`Endpoint`] trait.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::codec::{Codec, DecodeLimits};
use crate::context::Context;
use crate::message::Outcome;
use crate::version::Version;

/// A boxed future that may borrow and may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs one method: decodes its arguments, calls it, encodes what it returns.
pub type InvokeFn<E> =
    for<'a> fn(&'a Arc<E>, &'a Context, EncodedArgs<'a>) -> BoxFuture<'a, Outcome>;

/// Something whose methods can be called from outside. Implemented by `#[endpoint]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an endpoint",
    label = "no remote methods here",
    note = "put `#[endpoint]` on its `impl` block; a type that implements a trait endpoint is turned into one with `.into_endpoint()`"
)]
pub trait Endpoint: Sized + 'static {
    /// The client generated with this endpoint.
    type Client;
    /// What there is to call.
    const DESCRIPTOR: &'static EndpointDescriptor;
    /// How it is called, in the order of [`EndpointDescriptor::methods`].
    const INVOKE: &'static [InvokeFn<Self>];
}

/// The encoded arguments of one request.
#[derive(Debug, Copy, Clone)]
pub struct EncodedArgs<'a> {
    /// What the arguments are encoded in, and the result will be: servers answer in kind.
    pub codec: Codec,
    /// A map from argument names to values.
    pub bytes: &'a [u8],
    /// How much the decoder accepts.
    pub limits: &'a DecodeLimits,
}

/// Everything a tool could want to know about an endpoint.
#[derive(Debug, Copy, Clone)]
pub struct EndpointDescriptor {
    /// The name of the annotated type or trait, as written.
    pub name: &'static str,
    /// The namespaces that reach it: its own first, then the legacy ones. `None` is the null namespace.
    pub namespaces: &'static [Option<&'static str>],
    /// The version it implements; 1.0 where none is given.
    pub version: Version,
    /// Its documentation.
    pub docs: &'static str,
    /// Its methods, in the order of the source.
    pub methods: &'static [MethodDescriptor],
}

/// One method of an endpoint.
#[derive(Debug, Copy, Clone)]
pub struct MethodDescriptor {
    /// The name on the wire.
    pub name: &'static str,
    /// Other names that reach it.
    pub aliases: &'static [&'static str],
    /// The first version of the endpoint that has it; `None`: there from `major.0` on.
    pub since: Option<Version>,
    /// Its documentation.
    pub docs: &'static str,
    /// The note of its `#[deprecated]`, empty where that has none.
    pub deprecated: Option<&'static str>,
    /// Its arguments, without the context.
    pub args: &'static [ArgDescriptor],
    /// The name of the argument that takes all others, where there is one.
    pub rest: Option<&'static str>,
    /// What it returns on success.
    pub returns: TypeName,
    /// The errors it is expected to fail with.
    pub expected: &'static [ExpectedErrorDescriptor],
    /// Whether it runs off the asynchronous threads.
    pub blocking: bool,
}

/// One named argument of a method.
#[derive(Debug, Copy, Clone)]
pub struct ArgDescriptor {
    /// The name on the wire.
    pub name: &'static str,
    /// Its type.
    pub ty: TypeName,
    /// Whether it may be left out.
    pub optional: bool,
    /// The first version of the endpoint that understands it.
    pub since: Option<Version>,
}

/// One expected error of a method, by its name on the wire.
#[derive(Debug, Copy, Clone)]
pub struct ExpectedErrorDescriptor {
    /// The class.
    pub class: &'static str,
    /// The module, where the type claims one.
    pub module: Option<&'static str>,
}

/// The name of a type, for people to read: never compared, never sent.
#[derive(Copy, Clone)]
pub struct TypeName(fn() -> &'static str);

impl TypeName {
    /// The name of `T`.
    #[must_use]
    pub const fn of<T: ?Sized>() -> Self {
        Self(std::any::type_name::<T>)
    }

    /// The name.
    #[must_use]
    pub fn get(self) -> &'static str {
        (self.0)()
    }
}

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}
