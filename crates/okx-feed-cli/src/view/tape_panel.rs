//! The latest trades of one channel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{Column, SPACING, draw_columns};
use super::frame::{Frame, draw_frame, draw_words};
use super::ladder_panel::{FRAME_COLUMNS, NUMBER_COLUMNS};
use super::picture::Tape;
use super::theme::Theme;
use crate::format::{Grouped, aligned, clock_text};
use okx_feed::Trade;

/// The columns that a tape of so many rows needs for its prices and sizes.
pub(super) fn tape_needs(tape: &Tape, rows: u16) -> u16 {
    let columns = columns_of_tape(tape, rows.into(), Theme { colored: false });
    let main = columns.iter().skip(2).map(Column::needs).sum::<u16>();
    main.saturating_add(SPACING + FRAME_COLUMNS)
}

pub(super) fn draw_tape(buf: &mut Buffer, area: Rect, theme: Theme, name: &str, tape: &Tape) {
    let foot = format!("{} trades", Grouped(tape.count));
    let frame = Frame { name: name.to_owned(), state: Some(tape.state), foot };
    let inner = draw_frame(buf, area, theme, &frame);
    let rows = usize::from(inner.height.saturating_sub(1));
    let columns = columns_of_tape(tape, rows, theme);
    let places = draw_columns(buf, inner, theme.quiet(), &columns);
    if places.iter().all(Option::is_none) {
        draw_words(buf, inner, theme, "too narrow for the prices");
    }
}

fn columns_of_tape(tape: &Tape, rows: usize, theme: Theme) -> [Column; 4] {
    let trades = tape.trades.get(..rows).unwrap_or(&tape.trades);
    let px = aligned(&trades.iter().map(Trade::px).collect::<Vec<_>>());
    let sz = aligned(&trades.iter().map(Trade::sz).collect::<Vec<_>>());
    let times = trades.iter().map(|trade| clock_text(trade.ts_event)).collect();
    let sides = trades.iter().map(|trade| trade.side().name().to_owned()).collect();
    let cells = |texts: Vec<String>, style: &dyn Fn(&Trade) -> Style| {
        let cells = texts.into_iter().zip(trades);
        cells.map(|(text, trade)| (text, theme.of_state(tape.state, style(trade)))).collect()
    };
    let of_side = |trade: &Trade| theme.side(trade.side());
    [
        Column::words("time", 3, cells(times, &|_| theme.quiet())),
        Column::words("side", 2, cells(sides, &of_side)),
        Column::numbers("price", 0, cells(px, &of_side), NUMBER_COLUMNS),
        Column::numbers("size", 1, cells(sz, &|_| Style::new()), NUMBER_COLUMNS),
    ]
}
