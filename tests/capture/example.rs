//! `examples/backtest.rs` does what it says.

use crate::scratch_dir::ScratchDir;

#[expect(dead_code, reason = "its main function, and the arguments of that")]
#[path = "../../examples/backtest.rs"]
mod backtest;

#[test]
fn a_strategy_has_the_same_result_live_and_in_a_backtest() {
    let dir = ScratchDir::new("example");
    let (live, replayed) = backtest::live_and_replayed(dir.path()).unwrap();
    assert!(live.trades > 0, "{live:?}");
    assert_eq!(live, replayed);
}
