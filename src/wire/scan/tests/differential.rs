//! Whatever a scanner takes, the reference takes with the same result; both scanners take the same.

use super::rng::Rng;
use super::{check_padded, generate, mutate, reference, scan_checked};

/// Mutated messages, over all threads. `OKX_FEED_SCAN_CASES` sets another number.
const CASES: u64 = if cfg!(miri) {
    300
} else if cfg!(debug_assertions) {
    200_000
} else {
    10_000_000
};

/// Mutations of one message before the next one is made.
const MUTATIONS: u64 = 16;

fn cases() -> u64 {
    std::env::var("OKX_FEED_SCAN_CASES").ok().map_or(CASES, |n| n.parse().unwrap())
}

/// Runs `check` over `cases` seeds on all processors and sums up what it gives.
fn in_parallel(cases: u64, check: fn(u64) -> [u64; 3]) -> [u64; 3] {
    let threads =
        std::thread::available_parallelism().map_or(1, |n| u64::try_from(n.get()).unwrap());
    std::thread::scope(|scope| {
        let run = |thread| {
            let seeds = (thread..cases).step_by(usize::try_from(threads).unwrap());
            scope.spawn(move || seeds.map(check).fold([0; 3], add))
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).fold([0; 3], add)
    })
}

fn add(a: [u64; 3], b: [u64; 3]) -> [u64; 3] {
    std::array::from_fn(|i| a[i] + b[i])
}

#[test]
fn generated_messages_are_read_as_the_reference_reads_them() {
    let [cases, known, taken] = in_parallel(cases() / MUTATIONS, |seed| {
        let (dialect, text) = generate::message(&mut Rng::new(seed));
        let known = reference::read(dialect, text.as_bytes()).is_some();
        let taken = scan_checked(dialect, text.as_bytes()).is_some();
        [1, u64::from(known), u64::from(taken)]
    });
    println!("{cases} generated, {known} of them messages, {taken} taken by the scanners");
    assert!(taken * 2 > known, "the generator does not reach the scanners");
}

#[test]
fn mutated_messages_are_read_as_the_reference_reads_them_or_declined() {
    let [cases, taken, _] = in_parallel(cases() / MUTATIONS, |seed| {
        let mut rng = Rng::new(!seed);
        let (dialect, text) = generate::usual_message(&mut rng);
        let (_, other) = generate::message(&mut rng);
        let mut taken = 0;
        for _ in 0..MUTATIONS {
            let (buf, len) = mutate::mutate(&mut rng, text.as_bytes(), other.as_bytes());
            taken += u64::from(check_padded(dialect, &buf, len).is_some());
        }
        [MUTATIONS, taken, 0]
    });
    println!("{cases} mutated, {taken} of them taken by the scanners");
    assert!(taken * 10 > cases, "the mutations leave too little to take");
}
