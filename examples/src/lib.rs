//! The examples stand beside this package's manifest, one file each; `README.md` of the workspace lists them.
//!
//! This library is empty. It is here for its documentation tests, which compile and run what the pages show.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}
}
