//! Endpoints behind a trait object.

use std::sync::Arc;

use crate::context::Context;
use crate::endpoint::{BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor};
use crate::message::Outcome;

/// An endpoint whose type is erased.
pub(super) trait ErasedEndpoint: Send + Sync {
    fn descriptor(&self) -> &'static EndpointDescriptor;

    /// Runs the method at index `method` of the descriptor.
    fn invoke<'a>(
        &'a self,
        method: usize,
        ctx: &'a Context,
        args: EncodedArgs<'a>,
    ) -> BoxFuture<'a, Outcome>;
}

impl<E: Endpoint + Send + Sync> ErasedEndpoint for Arc<E> {
    fn descriptor(&self) -> &'static EndpointDescriptor {
        E::DESCRIPTOR
    }

    fn invoke<'a>(
        &'a self,
        method: usize,
        ctx: &'a Context,
        args: EncodedArgs<'a>,
    ) -> BoxFuture<'a, Outcome> {
        E::INVOKE[method](self, ctx, args)
    }
}
