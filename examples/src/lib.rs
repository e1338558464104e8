//! The programs stand beside this folder; run one with `cargo run --example quickstart`.
