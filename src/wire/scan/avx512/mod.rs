//! Books with AVX-512 (BW, DQ, VL, VBMI and VBMI2). Messages of five levels a side and short
//! updates are read to their end ([`whole`]); of others only the sides, and the rest as the AVX2
//! engine reads it.
//!
//! A side is read in chunks of 192 bytes, up to eight levels each, all in registers: the places of
//! the quotes give the shape of all levels at once ([`quotes`]), then two levels at a time become
//! numbers ([`pair`]).

mod chunk;
mod engine;
mod entry;
mod five;
mod load;
mod order;
mod pair;
mod quotes;
mod short;
mod side;
mod tables;
mod tail;
mod whole;

pub(super) use engine::Avx512;
