//! An `impl` block that another macro writes: its fragments come in invisible groups.

use rpc_core::{Context, Endpoint, endpoint};

macro_rules! store {
    ($vis:vis $name:ident, $namespace:literal, $value:ty, $method:ident($($arg:ident: $arg_ty:ty),*) -> $returns:ty $body:block) => {
        $vis struct $name;

        #[endpoint(namespace = $namespace)]
        impl $name {
            pub async fn $method(&self, _: &Context, $($arg: $arg_ty),*) -> $returns $body

            pub fn last(&self, _: &Context, default: Option<$value>) -> Result<$value, std::fmt::Error> {
                default.ok_or(std::fmt::Error)
            }
        }
    };
}

store!(Numbers, "numbers", u64, add(left: u64, right: Option<u64>) -> Option<u64> { Some(left + right?) });

#[tokio::test]
async fn an_endpoint_may_come_out_of_a_macro() {
    let client = NumbersClient::in_process(Numbers);
    assert_eq!(client.add(&Context::new(), 1, Some(2)).await.unwrap(), Some(3));
    assert_eq!(client.add(&Context::new(), 1, None).await.unwrap(), None);
    assert_eq!(client.last(&Context::new(), Some(4)).await.unwrap(), 4);
    let add = &Numbers::DESCRIPTOR.methods[0];
    assert_eq!(Numbers::DESCRIPTOR.namespaces, [Some("numbers")]);
    assert!(!add.args[0].optional && add.args[1].optional);
}
