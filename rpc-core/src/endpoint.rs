//! The trait that the macros implement: a descriptor of the endpoint and the functions that invoke
//! its methods.
//!
//! These are two tables in the same order. The [`EndpointDescriptor`] contains no user types, so
//! that tools can read it. The table of [`InvokeFn`]s is typed, and is used only together with its
//! endpoint. Both are associated constants, because `static` items cannot be generic.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::codec::{Codec, DecodeLimits, Payload};
use crate::context::Context;
use crate::message::Outcome;
use crate::version::Version;

/// A boxed future that is `Send`, like that of the `futures` crate.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A function that runs one method: it decodes the arguments, calls the method and encodes the
/// result.
pub type InvokeFn<E> =
    for<'a> fn(&'a Arc<E>, &'a Context, EncodedArgs<'a>) -> BoxFuture<'a, Outcome>;

/// A type with remote methods. [`#[endpoint]`](macro@crate::endpoint) implements it.
///
/// ```
/// use rpc_core::{Context, Endpoint, endpoint};
///
/// struct Greeter;
///
/// #[endpoint(namespace = "greetings")]
/// impl Greeter {
///     pub fn greet(&self, _ctx: &Context, name: String) -> String {
///         format!("hello {name}")
///     }
/// }
///
/// let descriptor = Greeter::DESCRIPTOR;
/// assert_eq!(descriptor.namespaces, [Some("greetings")]);
/// assert_eq!(descriptor.methods[0].args[0].name, "name");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an endpoint",
    label = "has no remote methods",
    note = "put `#[endpoint]` on its `impl` block; convert an implementation of an `#[endpoint]` trait with `.into_endpoint()`"
)]
pub trait Endpoint: Sized + 'static {
    /// The generated client of this endpoint.
    type Client;
    /// The descriptor of the endpoint and its methods.
    const DESCRIPTOR: &'static EndpointDescriptor;
    /// The functions that invoke the methods, in the order of [`EndpointDescriptor::methods`].
    const INVOKE: &'static [InvokeFn<Self>];
}

/// The encoded arguments of one request.
#[derive(Debug, Copy, Clone)]
pub struct EncodedArgs<'a> {
    /// The encoded map from argument names to values.
    pub payload: &'a Payload,
    /// The limits for decoding.
    pub limits: &'a DecodeLimits,
}

impl EncodedArgs<'_> {
    /// Returns the codec of the arguments. The result is encoded in the same codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.payload.codec()
    }
}

/// The description of an endpoint, for tools.
#[derive(Debug, Copy, Clone)]
pub struct EndpointDescriptor {
    /// The name of the annotated type or trait.
    pub name: &'static str,
    /// The namespaces of the endpoint: its own first, then the legacy ones. `None` is the null
    /// namespace.
    pub namespaces: &'static [Option<&'static str>],
    /// The version of the interface. Default: 1.0.
    pub version: Version,
    /// The documentation.
    pub docs: &'static str,
    /// The methods, in declaration order.
    pub methods: &'static [MethodDescriptor],
}

/// The description of a method.
#[derive(Debug, Copy, Clone)]
pub struct MethodDescriptor {
    /// The wire name.
    pub name: &'static str,
    /// Other wire names of the method.
    pub aliases: &'static [&'static str],
    /// The version of the endpoint that added the method. `None` means `major.0`.
    pub since: Option<Version>,
    /// The documentation.
    pub docs: &'static str,
    /// The note of `#[deprecated]`, if the method has that attribute. Empty if the attribute has no
    /// note.
    pub deprecated: Option<&'static str>,
    /// The arguments, without the context.
    pub args: &'static [ArgDescriptor],
    /// The name of the argument that takes all remaining ones (`#[rpc(rest)]`), if there is one.
    pub rest: Option<&'static str>,
    /// The type of a successful result.
    pub returns: TypeName,
    /// The expected errors.
    pub expected: &'static [ExpectedErrorDescriptor],
    /// Whether the method runs on tokio's blocking thread pool.
    pub blocking: bool,
}

/// The description of an argument.
#[derive(Debug, Copy, Clone)]
pub struct ArgDescriptor {
    /// The wire name.
    pub name: &'static str,
    /// The type.
    pub ty: TypeName,
    /// Whether the argument may be omitted.
    pub optional: bool,
    /// The version of the endpoint that added the argument. `None` means the version of the method.
    pub since: Option<Version>,
}

/// The description of an expected error.
#[derive(Debug, Copy, Clone)]
pub struct ExpectedErrorDescriptor {
    /// The wire name of the error: its class.
    pub class: &'static str,
    /// The module of the class, if the type has one.
    pub module: Option<&'static str>,
}

/// The name of a type, for display only. It is never sent.
#[derive(Copy, Clone)]
pub struct TypeName(fn() -> &'static str);

impl TypeName {
    /// Creates the name of `T`.
    #[must_use]
    pub const fn of<T: ?Sized>() -> Self {
        Self(std::any::type_name::<T>)
    }

    /// Returns the name.
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
