//! The charts of a large window: the middle of the book over time, and the latencies.

use hdrhistogram::Histogram;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Sparkline, SparklineBar, Widget};

use super::columns::{Column, SPACING, draw_columns};
use super::frame::{Frame, draw_frame};
use super::ladder_panel::share_bar;
use super::theme::Theme;
use crate::format::{Grouped, RoundNanos};
use okx_feed::Decimal;

/// The columns of a bar at least.
const MIN_BAR: u16 = 6;

/// The heights that a cell of a spark line distinguishes.
const EIGHTHS: f64 = 8.0;

/// Draws the middle of a book, the newest on the right; a book that was not live is a gap.
pub(super) fn draw_mids(buf: &mut Buffer, area: Rect, theme: Theme, mids: &[Option<Decimal>]) {
    if area.is_empty() {
        return;
    }
    let columns = usize::from(area.width.saturating_sub(4));
    let shown = mids.get(mids.len().saturating_sub(columns)..).unwrap_or_default();
    let known = || shown.iter().flatten().copied();
    let (low, high) = (known().min(), known().max());
    let foot = low.zip(high).map(|(low, high)| format!("low {low}  high {high}"));
    let foot = foot.unwrap_or_default();
    let inner =
        draw_frame(buf, area, theme, &Frame { name: "mid price".into(), state: None, foot });
    let (Some(low), Some(high)) = (low, high) else { return };
    let steps = f64::from(inner.height) * EIGHTHS;
    let (low, extent) = (low.to_f64(), high.to_f64() - low.to_f64());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few steps")]
    let height = |mid: Decimal| {
        let share = if extent > 0.0 { (mid.to_f64() - low) / extent } else { 0.5 };
        // The lowest has a height too, to distinguish it from an unknown value.
        (1.0 + share * (steps - 1.0)).round() as u64
    };
    let bars = shown.iter().map(|mid| SparklineBar::from(mid.map(height)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few steps")]
    let line = Sparkline::default().data(bars).max(steps as u64).style(theme.strong());
    let free = inner.width.saturating_sub(u16::try_from(shown.len()).unwrap_or(u16::MAX));
    line.render(Rect { x: inner.x + free, width: inner.width - free, ..inner }, buf);
}

/// The frames by their latency: so many took less than the time on the left.
pub(super) fn draw_latencies(buf: &mut Buffer, area: Rect, theme: Theme, times: &Histogram<u64>) {
    if area.is_empty() {
        return;
    }
    let name = "frames by latency".to_owned();
    let inner = draw_frame(buf, area, theme, &Frame { name, ..Frame::default() });
    let rows = usize::from(inner.height.saturating_sub(1));
    let Some(counts) = [&[1, 2, 5][..], &[1]].iter().find_map(|steps| {
        let counts = counts(times, steps);
        (counts.len() <= rows).then_some(counts)
    }) else {
        return;
    };
    let cells = |text: &dyn Fn(&(u64, u64)) -> String, style| {
        counts.iter().map(|count| (text(count), style)).collect()
    };
    let below = cells(&|(below, _)| RoundNanos(*below).to_string(), theme.quiet());
    let frames = cells(&|(_, count)| Grouped(*count).to_string(), theme.quiet());
    let columns = [Column::numbers("below", 0, below, 6), Column::numbers("frames", 1, frames, 9)];
    let places = draw_columns(buf, inner, theme.quiet(), &columns);
    let [Some(_), Some(last)] = places.as_slice() else { return };
    let x = last.x + last.width + SPACING;
    if x + MIN_BAR > inner.right() {
        return;
    }
    let width = inner.right() - x;
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    for ((_, count), y) in counts.iter().zip(inner.y + 1..inner.bottom()) {
        #[expect(clippy::cast_precision_loss, reason = "a bar is coarse")]
        let share = *count as f64 / most as f64;
        let bar = if *count > 0 { share_bar(share, width) } else { String::new() };
        buf.set_span(x, y, &Span::styled(bar, theme.strong()), width);
    }
}

/// How many times were below each of a row of round bounds and not below the one before, from the
/// first that there was to the last.
fn counts(times: &Histogram<u64>, steps: &[u64]) -> Vec<(u64, u64)> {
    let bounds = (0..=11).flat_map(|power| steps.iter().map(move |step| step * 10u64.pow(power)));
    let mut counts: Vec<(u64, u64)> = bounds.map(|bound| (bound, 0)).collect();
    for recorded in times.iter_recorded() {
        let value = recorded.value_iterated_to();
        if let Some((_, count)) = counts.iter_mut().find(|(bound, _)| value < *bound) {
            *count += recorded.count_since_last_iteration();
        }
    }
    let some = |(_, count): &(u64, u64)| *count > 0;
    let first = counts.iter().position(some).unwrap_or(counts.len());
    let end = counts.iter().rposition(some).map_or(first, |last| last + 1);
    counts.get(first..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_counted_once_below_its_bound() {
        let mut times = Histogram::new_with_bounds(1, 10_000_000_000, 3).unwrap();
        for value in [999, 999, 1_400, 2_500, 70_000, 9_999_999_999] {
            times.record(value).unwrap();
        }
        let fine = counts(&times, &[1, 2, 5]);
        assert_eq!(fine.first(), Some(&(1_000, 2)));
        assert_eq!(fine.get(1..3), Some(&[(2_000, 1), (5_000, 1)][..]));
        assert_eq!(fine.iter().map(|(_, count)| count).sum::<u64>(), 6);
        let coarse = counts(&times, &[1]);
        assert_eq!(coarse.first(), Some(&(1_000, 2)));
        assert_eq!(coarse.get(1), Some(&(10_000, 2)));
        assert!(counts(&Histogram::new_with_bounds(1, 10, 3).unwrap(), &[1]).is_empty());
    }
}
