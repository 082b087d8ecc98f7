//! The parts of a message with AVX2, BMI1 and BMI2.
//!
//! What they gain over [`Portable`](super::portable::Portable): `benches/scan`.

mod engine;
mod ids;
mod level;
mod load;
mod numbers;
mod pair;
mod shape;
mod window;

pub(super) use engine::Avx2;
pub(super) use level::{depth_side, side};
pub(super) use load::{load_16, load_32};
pub(super) use numbers::join;
