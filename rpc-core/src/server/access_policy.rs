//! Decides who may call what.

use crate::context::Context;

/// Decides who may call what, on top of `pub`.
///
/// A method that it hides is answered as if it did not exist, as in oslo.messaging. Every
/// `Fn(&Context, Option<&str>, &str) -> bool` is a policy.
///
/// ```
/// use rpc_core::{Context, server::AccessPolicy};
///
/// fn only_admins_close(ctx: &Context, _namespace: Option<&str>, method: &str) -> bool {
///     method != "close" || ctx.get_str("role") == Some("admin")
/// }
/// # fn is_policy(_: impl AccessPolicy) {}
/// # is_policy(only_admins_close);
/// ```
pub trait AccessPolicy: Send + Sync + 'static {
    /// Returns whether the caller may call the method in the namespace (`None` is the null namespace).
    fn allows(&self, ctx: &Context, namespace: Option<&str>, method: &str) -> bool;
}

impl<F> AccessPolicy for F
where
    F: Fn(&Context, Option<&str>, &str) -> bool + Send + Sync + 'static,
{
    fn allows(&self, ctx: &Context, namespace: Option<&str>, method: &str) -> bool {
        self(ctx, namespace, method)
    }
}
