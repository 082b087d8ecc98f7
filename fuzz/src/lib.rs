//! The bodies of the targets, which the corpus replay on stable runs as well.

#[path = "../../tests/trust/mod.rs"]
pub mod trust;
