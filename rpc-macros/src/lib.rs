//! The macros behind `rpc-core`, which re-exports and documents them.
