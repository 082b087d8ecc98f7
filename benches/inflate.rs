//! Small DEFLATE frames: ours beside libdeflate and zlib-rs, by kind of message.
//!
//! Uses the recorded frames if the machine has them, else generated ones. Every contender must
//! give the same text, and only frames that ours takes on are compared.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::missing_panics_doc,
    reason = "bench code: a panic is how it fails, and criterion's macros have no docs"
)]

#[path = "frames/mod.rs"]
mod frames;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use frames::{Contender, contenders, frames_by_kind};

fn inflate(c: &mut Criterion) {
    for (kind, frames) in frames_by_kind() {
        let mut group = c.benchmark_group(format!("inflate/{kind}"));
        group.throughput(Throughput::Elements(frames.len() as u64));
        for Contender { name, mut inflate } in contenders() {
            let mut output = vec![0; 1 << 16];
            frames.check(&mut *inflate, &mut output);
            group.bench_function(name, |b| {
                b.iter(|| {
                    for frame in frames.iter() {
                        black_box(inflate(black_box(frame), &mut output));
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(500))
        .measurement_time(std::time::Duration::from_secs(2))
        .sample_size(50);
    targets = inflate
}
criterion_main!(benches);
