//! What the macros make, as users meet it.

#![allow(unreachable_pub)] // `pub` is what makes a method remote, also in a test.

mod basics;
