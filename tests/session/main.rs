//! The control plane of one connection: by example, and thousands of simulated runs.

mod by_example;
mod simulation;
