//! Examples for RabbitMQ, one file each, beside this package's manifest. The README of the workspace lists them.
//!
//! This library is empty. Its documentation tests compile and run the code blocks of the pages.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../rpc-transport-mem/README.md")]
    mod readme_mem {}
    #[doc = include_str!("../../../rpc-transport-amqp/README.md")]
    mod readme_amqp {}
    #[doc = include_str!("../../../docs/COMPARE.md")]
    mod compare {}
    #[doc = include_str!("../../../docs/DESIGN.md")]
    mod design {}
    #[doc = include_str!("../../../docs/SEMANTICS.md")]
    mod semantics {}
    #[doc = include_str!("../../../docs/VERSIONING.md")]
    mod versioning {}
}
