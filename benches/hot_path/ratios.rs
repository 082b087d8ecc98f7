//! All contenders in turn, pass by pass, so that a disturbance of the machine affects all alike.
//!
//! Prints the least and the median time a frame over all passes, and their ratios to ours.
//! Criterion times one contender after the other; on a shared machine this is the fairer table.
//! `cargo bench --bench hot_path -- ratios` prints it alone.

use std::fmt::Display;
use std::time::Instant;

use criterion::Criterion;
use std::hint::black_box;

use crate::baselines::contenders;
use crate::check;
use crate::stream::Stream;

/// Passes of each contender over a stream.
const PASSES: usize = 101;

/// Prints the table of each dialect and channel.
#[expect(clippy::print_stdout, reason = "the table is the result")]
#[expect(clippy::disallowed_methods, reason = "a bench reads a clock")]
#[expect(clippy::cast_precision_loss, reason = "nanoseconds a frame and ratios")]
pub(crate) fn ratios(_: &mut Criterion) {
    let Some(passes) = wanted(PASSES) else { return };
    for stream in Stream::all() {
        check(&mut contenders(stream.dialect, &stream.subscriptions), &stream);
        let mut contenders = contenders(stream.dialect, &stream.subscriptions);
        let mut times = vec![Vec::new(); contenders.len()];
        for _ in 0..passes {
            for (contender, times) in contenders.iter_mut().zip(&mut times) {
                contender.begin();
                let start = Instant::now();
                for (frame, _) in stream.iter() {
                    black_box(contender.take(black_box(frame)));
                }
                times.push(start.elapsed().as_nanos() as f64 / stream.len() as f64);
            }
        }
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        println!("\nratios/{}: ns a frame over {} passes in turn", stream.name, times[0].len());
        println!("  {:34}{:>8}{:>9}{:>12}{:>10}", "", "least", "median", "least x", "median x");
        let of = |times: &[f64]| (times[0], times[times.len() / 2]);
        let (least_ours, median_ours) = of(&times[0]);
        for (contender, times) in contenders.iter().zip(&times) {
            let ((least, median), name) = (of(times), contender.name);
            let (a, b) = (least / least_ours, median / median_ours);
            println!("  {name:34}{least:8.0}{median:9.0}{a:12.2}{b:10.2}");
        }
    }
}

/// Prints the least and the median of each row's times, and how many times the first row's that is.
#[expect(clippy::print_stdout, reason = "the table is the result")]
pub(crate) fn table<'t, N: Display>(rows: impl Iterator<Item = (N, &'t mut Vec<f64>)>) {
    println!("  {:>8}{:>8}{:>9}{:>12}{:>10}", "", "least", "median", "least x", "median x");
    let mut first = None;
    for (name, times) in rows {
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        let (of_least, of_median) = *first.get_or_insert((least, median));
        let (a, b) = (least / of_least, median / of_median);
        println!("  {name:>8}{least:8.0}{median:9.0}{a:12.2}{b:10.2}");
    }
}

/// The number of passes that the command line requests: one to test them, `None` if it requests
/// other benches only.
pub(crate) fn wanted(passes: usize) -> Option<usize> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let mut filters = args.iter().filter(|arg| !arg.starts_with('-'));
    if filters.next().is_some_and(|filter| !"ratios".contains(filter.as_str())) {
        return None;
    }
    Some(if args.iter().any(|arg| arg == "--test") { 1 } else { passes })
}
