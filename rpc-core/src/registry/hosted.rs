//! An endpoint without its type.

use std::sync::Arc;

use crate::context::Context;
use crate::endpoint::{BoxFuture, EncodedArgs, Endpoint, EndpointDescriptor};
use crate::message::Outcome;

pub(crate) trait Hosted: Send + Sync {
    fn descriptor(&self) -> &'static EndpointDescriptor;

    /// Runs the method with this index in the descriptor.
    fn invoke<'a>(
        &'a self,
        method: usize,
        ctx: &'a Context,
        args: EncodedArgs<'a>,
    ) -> BoxFuture<'a, Outcome>;
}

pub(super) struct Host<E>(pub(super) Arc<E>);

impl<E: Endpoint + Send + Sync> Hosted for Host<E> {
    fn descriptor(&self) -> &'static EndpointDescriptor {
        E::DESCRIPTOR
    }

    fn invoke<'a>(
        &'a self,
        method: usize,
        ctx: &'a Context,
        args: EncodedArgs<'a>,
    ) -> BoxFuture<'a, Outcome> {
        E::INVOKE[method](&self.0, ctx, args)
    }
}
