//! The panels of the picture: a ladder of one book, a tape of one channel's trades.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Cell, Padding, Row, Table};

use super::format::{Grouped, aligned};
use super::ladder::Ladder;
use super::theme::Theme;
use crate::feed::TradeReader;
use crate::model::{BookState, Decimal, Level, Side, UnixNanos};

/// The rows of a ladder besides its levels: head, frame and the line between the sides.
pub(crate) const LADDER_FRAME: u16 = 4;

/// The columns of a ladder at most; the trades take the rest.
pub(crate) const LADDER_COLUMNS: u16 = 58;

/// The columns that a number takes at least, so that they stand still while digits come and go.
const NUMBER_COLUMNS: usize = 12;

/// The columns of the number of orders, and between two columns.
const ORDERS_COLUMNS: u16 = 6;
const SPACING: u16 = 2;

/// The columns of a tape from which on its times have milliseconds.
const WIDE_TAPE: u16 = 46;

/// A frame with the channel's name on the left and its state on the right.
pub(crate) fn panel(theme: Theme, name: &str, state: Option<BookState>) -> Block<'static> {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.quiet())
        .padding(Padding::horizontal(1))
        .title(Line::styled(format!(" {name} "), theme.title()));
    match state {
        Some(state) => block
            .title(Line::styled(format!(" {} ", state.name()), theme.state(state)).right_aligned()),
        None => block,
    }
}

pub(crate) fn draw_ladder(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    name: &str,
    ladder: &Ladder,
) {
    let Ladder { state, ts_event, asks, bids, .. } = ladder;
    let all: Vec<Level> = asks.iter().chain(bids).copied().collect();
    let px = aligned(&all.iter().map(Level::px).collect::<Vec<_>>());
    let sz = aligned(&all.iter().map(Level::sz).collect::<Vec<_>>());
    let (px_columns, sz_columns) = (columns(&px), columns(&sz));
    // Frame and padding take two columns a side.
    let numbers = ORDERS_COLUMNS + px_columns + sz_columns + 3 * SPACING + 4;
    let bar_columns = area.width.saturating_sub(numbers);
    let largest = all.iter().map(Level::sz).max().unwrap_or_default();
    let row = |at: usize, side: Side| {
        let Some((level, (px, sz))) = all.get(at).zip(px.get(at).zip(sz.get(at))) else {
            return Row::default();
        };
        let color = theme.side(side);
        let orders = level.orders().to_string();
        Row::new([
            Cell::from(Line::styled(orders, theme.quiet()).right_aligned()),
            Cell::from(Line::raw(sz.clone()).right_aligned()),
            Cell::from(Line::styled(px.clone(), color).right_aligned()),
            Cell::from(Line::styled(bar(level.sz(), largest, bar_columns), color)),
        ])
    };
    // The line between the sides stands in the middle, however many levels there are.
    let above = usize::from(area.height.saturating_sub(LADDER_FRAME) / 2);
    let mut rows: Vec<Row<'_>> = vec![Row::default(); above.saturating_sub(asks.len())];
    rows.extend((0..asks.len()).rev().map(|at| row(at, Side::Sell)));
    let number = |number: Option<Decimal>| number.map(|n| n.to_string()).unwrap_or_default();
    let top = ladder.top();
    let between = [
        Line::styled("spread", theme.quiet()).right_aligned(),
        Line::raw(number(top.spread())).right_aligned(),
        Line::styled(number(top.mid()), theme.title()).right_aligned(),
        Line::styled("mid", theme.quiet()),
    ];
    rows.push(Row::new(between.map(Cell::from)));
    rows.extend((0..bids.len()).map(|at| row(asks.len() + at, Side::Buy)));
    let head = ["orders", "size", "price"].map(|text| Line::raw(text).right_aligned());
    let head = Row::new(head.map(Cell::from)).style(theme.quiet());
    let widths = [ORDERS_COLUMNS, sz_columns, px_columns, bar_columns].map(Constraint::Length);
    let time = Line::styled(format!(" {} ", clock_text(*ts_event)), theme.quiet());
    let block = panel(theme, name, Some(*state)).title_bottom(time.right_aligned());
    let table = Table::new(rows, widths).header(head).column_spacing(SPACING).block(block);
    frame.render_widget(table, area);
}

/// The columns that texts of numbers take.
pub(crate) fn columns(texts: &[String]) -> u16 {
    let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    u16::try_from(longest.max(NUMBER_COLUMNS)).unwrap_or(u16::MAX)
}

/// A bar as long as a size is large, in eighths of a cell.
fn bar(sz: Decimal, largest: Decimal, cells: u16) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = sz.to_f64() / largest.to_f64();
    let eighths = share * f64::from(cells) * 8.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few")]
    let eighths = if eighths.is_finite() { eighths.max(1.0) as usize } else { 0 };
    let last = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{last}", "█".repeat(eighths / 8))
}

pub(crate) fn draw_tape(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    name: &str,
    reader: &TradeReader,
) {
    let shown = u64::from(area.height.saturating_sub(3));
    let first = reader.next().saturating_sub(shown);
    let mut trades: Vec<_> = reader.since(first).map(|(_, trade)| trade).collect();
    trades.reverse();
    let px = aligned(&trades.iter().map(|trade| trade.px()).collect::<Vec<_>>());
    let sz = aligned(&trades.iter().map(|trade| trade.sz()).collect::<Vec<_>>());
    let px_columns = columns(&px);
    let (wide, spacing) =
        if area.width >= WIDE_TAPE { (true, SPACING) } else { (false, SPACING / 2) };
    let rows = trades.iter().zip(px.into_iter().zip(sz)).map(|(trade, (px, sz))| {
        let mut time = clock_text(trade.ts_event);
        time.truncate(if wide { 12 } else { 8 });
        let color = theme.side(trade.side());
        Row::new([
            Cell::from(Line::styled(time, theme.quiet())),
            Cell::from(Line::styled(trade.side().name(), color)),
            Cell::from(Line::styled(px, color).right_aligned()),
            Cell::from(Line::raw(sz).right_aligned()),
        ])
    });
    let head = [
        Line::raw("time"),
        Line::raw("side"),
        Line::raw("price").right_aligned(),
        Line::raw("size").right_aligned(),
    ];
    let head = Row::new(head.map(Cell::from)).style(theme.quiet());
    let widths = [
        Constraint::Length(if wide { 12 } else { 8 }),
        Constraint::Length(4),
        Constraint::Length(px_columns),
        Constraint::Fill(1),
    ];
    let count = Line::styled(format!(" {} trades ", Grouped(reader.next())), theme.quiet());
    let block = panel(theme, name, Some(reader.state())).title_bottom(count.right_aligned());
    let table = Table::new(rows, widths).header(head).column_spacing(spacing).block(block);
    frame.render_widget(table, area);
}

/// The time of day, to the millisecond, in UTC.
pub(crate) fn clock_text(at: UnixNanos) -> String {
    if at == UnixNanos::UNKNOWN {
        return String::new();
    }
    let text = at.iso_ms().to_string();
    text.get(11..23).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_sizes_are_large() {
        let bar = |sz: &str| bar(sz.parse().unwrap(), "8".parse().unwrap(), 14).chars().count();
        assert_eq!([bar("8"), bar("4"), bar("0.001")], [14, 7, 1]);
        assert_eq!(super::bar(Decimal::ZERO, Decimal::ZERO, 14), "");
    }
}
