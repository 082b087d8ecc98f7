//! The areas of the panels, by their content and the size of the window.

use okx_feed::Book5;
use ratatui::layout::Rect;

/// The smallest window in which anything but a word is shown.
pub(super) const MIN_WIDTH: u16 = 24;
pub(super) const MIN_HEIGHT: u16 = 8;

/// The rows of a ladder besides its levels: frame, head and the row between the sides.
pub(super) const LADDER_FRAME: u16 = 4;

/// The rows of counters, and the least of a chart.
const COUNTER_ROWS: u16 = 4;
const MIN_CHART_ROWS: u16 = 9;
const MAX_CHART_ROWS: u16 = 22;

/// The width from which charts are beside the panels, and their least width.
const WIDE: u16 = 150;
const MIN_CHART_COLUMNS: u16 = 40;

/// The columns of a ladder at most; the trades take the rest.
const LADDER_COLUMNS: u16 = 58;
const TAPE_COLUMNS: u16 = 60;

/// What there is to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// The levels a side of the ladder; `None` if there is no ladder.
    pub(super) levels: Option<usize>,
    /// The columns that each panel needs for its main numbers, its frame included.
    pub(super) panel_columns: [u16; 2],
    pub(super) panels: usize,
    pub(super) others: usize,
    pub(super) notice_rows: u16,
}

/// The parts of the window; an empty one is not drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) head: Rect,
    pub(super) panels: [Rect; 2],
    pub(super) others: Rect,
    pub(super) mid_chart: Rect,
    pub(super) latency_chart: Rect,
    pub(super) latency: Rect,
    pub(super) feed: Rect,
    pub(super) notices: Rect,
    pub(super) help: Rect,
}

/// The rows of a window, assigned in the order of importance.
struct Rows {
    left: u16,
}

impl Rows {
    /// As many as wanted and left, none if fewer than `least` are left.
    fn take(&mut self, least: u16, wanted: u16) -> u16 {
        let given = if self.left < least { 0 } else { wanted.min(self.left) };
        self.left -= given;
        given
    }
}

/// Divides a window.
pub(super) fn divide(window: Rect, wants: &Wants) -> Parts {
    let wide = window.width >= WIDE && wants.levels.is_some();
    let mut rows = Rows { left: window.height };
    let head = rows.take(1, 1);
    let help = rows.take(1, 1);
    let levels = |levels: usize| u16_of(2 * levels).saturating_add(LADDER_FRAME);
    let mut panel = match wants.panels {
        0 => 0,
        _ => rows.take(levels(1), levels(1)),
    };
    let counters = rows.take(COUNTER_ROWS, COUNTER_ROWS);
    let notices = rows.take(1, wants.notice_rows.min(window.height / 4));
    let grow = |rows: &mut Rows, panel: &mut u16, to: u16| {
        // Two at a time: a level on each side.
        let by = to.saturating_sub(*panel).min(rows.left) / 2 * 2;
        *panel += rows.take(by, by);
    };
    if panel > 0 {
        grow(&mut rows, &mut panel, levels(Book5::LEVELS));
    }
    let other_rows = u16_of(wants.others).saturating_add(3);
    let mut others = match wants.others {
        0 => 0,
        _ => rows.take(4, other_rows.min((window.height / 8).max(4))),
    };
    let mut charts = match wants.levels {
        Some(_) if !wide => rows.take(MIN_CHART_ROWS, MIN_CHART_ROWS),
        _ => 0,
    };
    if panel > 0 {
        // Trades alone take all there is.
        let deepest = wants.levels.map_or(window.height, |n| levels(n.max(Book5::LEVELS)));
        grow(&mut rows, &mut panel, deepest);
    }
    if others > 0 {
        others += rows.take(0, other_rows.saturating_sub(others));
    }
    if charts > 0 {
        charts += rows.take(0, MAX_CHART_ROWS - charts);
    }
    if panel > 0 && wants.levels.is_some() && (wide || wants.panels > 1) {
        // What is left lengthens the tape and the charts beside the ladder.
        panel += rows.take(0, rows.left);
    }

    let mut y = window.y;
    let mut next = |height: u16| {
        let area = Rect { y, height, ..window };
        y += height;
        area
    };
    let head = next(head);
    let panel = next(panel);
    let others = next(others);
    let charts = next(charts);
    let counters = next(counters);
    let notices = next(notices);
    let help = Rect { y: window.bottom() - help, height: help, ..window };
    let (panels, beside) = divide_panels(panel, wants, wide);
    let (mid_chart, latency_chart) = match wide {
        true => split_rows(beside),
        false => split_columns(charts, left_columns(charts.width)),
    };
    let (latency, feed) = split_columns(counters, left_columns(counters.width));
    Parts { head, panels, others, mid_chart, latency_chart, latency, feed, notices, help }
}

/// The panels, and the area beside them.
fn divide_panels(area: Rect, wants: &Wants, wide: bool) -> ([Rect; 2], Rect) {
    let [first, second] = wants.panel_columns;
    let fit = wants.panels > 1 && first.saturating_add(second) <= area.width;
    let rest = |area: Rect, wide: bool, most: u16| match wide {
        true => split_columns(area, most.min(area.width.saturating_sub(MIN_CHART_COLUMNS))),
        false => (area, Rect::default()),
    };
    if !fit {
        let (panel, beside) = rest(area, wide, LADDER_COLUMNS.max(first));
        return ([panel, Rect::default()], beside);
    }
    let left = left_columns(area.width).max(first).min(area.width - second);
    let (ladder, right) = split_columns(area, left);
    let (tape, beside) = rest(right, wide, TAPE_COLUMNS.max(second));
    ([ladder, tape], beside)
}

/// The columns of the left part of a window that is divided in two.
fn left_columns(columns: u16) -> u16 {
    LADDER_COLUMNS.min(columns / 20 * 11).max(columns / 2).min(LADDER_COLUMNS.max(columns * 2 / 5))
}

fn split_columns(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    let right = Rect { x: area.x + left, width: area.width - left, ..area };
    (Rect { width: left, ..area }, right)
}

fn split_rows(area: Rect) -> (Rect, Rect) {
    let top = area.height / 2;
    let below = Rect { y: area.y + top, height: area.height - top, ..area };
    (Rect { height: top, ..area }, below)
}

fn u16_of(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants() -> Wants {
        let (levels, panel_columns) = (Some(25), [34, 28]);
        Wants { levels, panel_columns, panels: 2, others: 6, notice_rows: 0 }
    }

    /// Every part is inside the window, and none overlaps another.
    #[test]
    fn parts_never_overlap() {
        for width in MIN_WIDTH..=250 {
            for height in MIN_HEIGHT..=70 {
                for (levels, panels, others) in
                    [(Some(25), 2, 6), (Some(5), 1, 0), (None, 1, 3), (Some(5), 2, 10_000)]
                {
                    let window = Rect::new(0, 0, width, height);
                    let wants = Wants { levels, panels, others, notice_rows: 2, ..wants() };
                    let parts = divide(window, &wants);
                    let Parts { head, help, panels: [a, b], others, .. } = parts;
                    let Parts { mid_chart, latency_chart, latency, feed, notices, .. } = parts;
                    let all = [
                        head,
                        help,
                        a,
                        b,
                        others,
                        mid_chart,
                        latency_chart,
                        latency,
                        feed,
                        notices,
                    ];
                    let area: u32 = all.iter().map(|part| part.area()).sum();
                    assert!(area <= window.area(), "{width}x{height}: {parts:?}");
                    for (at, part) in all.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                        assert_eq!(part.intersection(window), *part, "{width}x{height}: {parts:?}");
                        for other in all.iter().skip(at + 1).filter(|other| !other.is_empty()) {
                            assert!(!part.intersects(*other), "{width}x{height}: {parts:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn large_windows_use_their_room() {
        let parts = |width, height| divide(Rect::new(0, 0, width, height), &wants());
        let levels = |parts: Parts| (parts.panels[0].height - LADDER_FRAME) / 2;
        assert_eq!(levels(parts(80, 24)), 5);
        assert!(levels(parts(120, 40)) >= 7);
        assert_eq!(levels(parts(200, 70)), 25);
        assert!(parts(120, 40).mid_chart.height >= MIN_CHART_ROWS);
        assert!(parts(200, 60).latency_chart.width >= MIN_CHART_COLUMNS);
        assert!(parts(80, 24).mid_chart.is_empty());
    }
}
