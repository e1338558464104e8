//! The examples stand beside this package's manifest, one file each; `README.md` of the workspace lists them.
//!
//! This library is empty. It is here for its documentation tests, which compile and run what the pages show.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/COMPARE.md")]
    mod compare {}
    #[doc = include_str!("../../docs/DESIGN.md")]
    mod design {}
    #[doc = include_str!("../../docs/SEMANTICS.md")]
    mod semantics {}
    #[doc = include_str!("../../docs/VERSIONING.md")]
    mod versioning {}
}
