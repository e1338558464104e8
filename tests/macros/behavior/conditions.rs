//! Attributes of the user's own: `#[cfg]`, `#[deprecated]`, documentation.
#![deny(deprecated)]

use rpc_core::{Context, Endpoint, endpoint};

pub struct Portable;

#[endpoint]
impl Portable {
    #[cfg(any())]
    #[rpc(alias = "never")]
    #[expected(NoSuchType)]
    pub fn missing(&self, _: &Context, unknown: NoSuchType) -> Result<(), NoSuchType> {}

    #[cfg(test)]
    pub fn present(&self, _: &Context) -> u32 {
        1
    }

    #[cfg(target_pointer_width = "64")]
    pub fn width(&self, _: &Context) -> u32 {
        64
    }

    #[cfg(not(target_pointer_width = "64"))]
    pub fn width(&self, _: &Context) -> u32 {
        32
    }

    #[deprecated(since = "1.0.0", note = "use `present`")]
    pub fn old(&self, _: &Context) -> u32 {
        0
    }
}

#[endpoint]
#[cfg(any())]
impl NoSuchEndpoint {
    pub fn missing(&self, _: &Context) {}
}

#[tokio::test]
async fn methods_that_are_configured_out_are_nowhere() {
    let names: Vec<_> = Portable::DESCRIPTOR.methods.iter().map(|method| method.name).collect();
    assert_eq!(names, ["present", "width", "old"]);
    let client = PortableClient::in_process(Portable);
    assert_eq!(client.present(&Context::new()).await.unwrap(), 1);
    assert_eq!(client.width(&Context::new()).await.unwrap(), usize::BITS);
}

#[tokio::test]
async fn a_deprecated_method_is_deprecated_on_the_client_only_for_its_callers() {
    let client = PortableClient::in_process(Portable);
    #[expect(deprecated)]
    let old = client.old(&Context::new());
    assert_eq!(old.await.unwrap(), 0);
    assert_eq!(Portable::DESCRIPTOR.methods[2].deprecated, Some("use `present`"));
}
