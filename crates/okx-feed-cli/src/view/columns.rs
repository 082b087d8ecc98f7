//! A table whose columns are whole or not there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::fit::{columns_of, fitting};

/// The columns between two columns.
pub(super) const SPACING: u16 = 2;

/// One column: its head and its cells, from top to bottom.
pub(super) struct Column {
    head: &'static str,
    cells: Vec<(String, Style)>,
    to_right: bool,
    /// The least width if there is room, so that the column keeps its place while digits come and
    /// go.
    steady: u16,
    /// How soon it is left out: 0 stays longest.
    rank: u8,
}

impl Column {
    /// A column of words.
    pub(super) const fn words(head: &'static str, rank: u8, cells: Vec<(String, Style)>) -> Self {
        Self { head, cells, to_right: false, steady: 0, rank }
    }

    /// A column of numbers, aligned to the right.
    pub(super) const fn numbers(
        head: &'static str,
        rank: u8,
        cells: Vec<(String, Style)>,
        steady: u16,
    ) -> Self {
        Self { head, cells, to_right: true, steady, rank }
    }

    /// The columns that its widest text takes.
    pub(super) fn needs(&self) -> u16 {
        let cells = self.cells.iter().map(|(text, _)| columns_of(text));
        cells.chain([columns_of(self.head)]).max().unwrap_or_default()
    }
}

impl Column {
    /// Draws the cells from the top of an area to its end.
    pub(super) fn draw_cells(&self, buf: &mut Buffer, area: Rect, place: ColumnSpan) {
        for ((text, style), y) in self.cells.iter().zip(area.y..area.bottom()) {
            self.draw_text(buf, y, place, text, *style);
        }
    }

    fn draw_text(&self, buf: &mut Buffer, y: u16, place: ColumnSpan, text: &str, style: Style) {
        let free = place.width.saturating_sub(columns_of(text));
        let x = place.x + if self.to_right { free } else { 0 };
        buf.set_span(x, y, &Span::styled(text, style), place.width);
    }
}

/// The position of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnSpan {
    pub(super) x: u16,
    pub(super) width: u16,
}

/// The places of the columns that fit, in their order; `None` for those that are left out.
pub(super) fn places(columns: &[Column], area: Rect) -> Vec<Option<ColumnSpan>> {
    let mut by_rank: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    by_rank.sort_by_key(|(_, column)| column.rank);
    let widths = |steady: bool| -> Vec<u16> {
        let width = |column: &Column| column.needs().max(if steady { column.steady } else { 0 });
        by_rank.iter().map(|(_, column)| width(column)).collect()
    };
    let (steady, needed) = (widths(true), widths(false));
    let is_roomy = fitting(&steady, area.width, SPACING) == columns.len();
    let widths = if is_roomy { &steady } else { &needed };
    let shown = fitting(widths, area.width, SPACING);
    let mut of_columns = vec![None; columns.len()];
    for ((at, _), width) in by_rank.iter().zip(widths).take(shown) {
        if let Some(of_column) = of_columns.get_mut(*at) {
            *of_column = Some(*width);
        }
    }
    let mut x = area.x;
    let place = |width: u16| {
        let place = ColumnSpan { x, width };
        x += width + SPACING;
        place
    };
    let mut place = place;
    of_columns.into_iter().map(|width| width.map(&mut place)).collect()
}

/// Draws the columns that fit, with their heads, down to the area's end. Returns their places.
pub(super) fn draw_columns(
    buf: &mut Buffer,
    area: Rect,
    head_style: Style,
    columns: &[Column],
) -> Vec<Option<ColumnSpan>> {
    let places = places(columns, area);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    for (column, place) in columns.iter().zip(&places) {
        let Some(place) = place else { continue };
        if !area.is_empty() {
            column.draw_text(buf, area.y, *place, column.head, head_style);
        }
        column.draw_cells(buf, body, *place);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rank: u8, text: &str, steady: u16) -> Column {
        Column::numbers("n", rank, vec![(text.to_owned(), Style::new())], steady)
    }

    #[test]
    fn columns_are_whole_or_left_out_by_rank() {
        let columns = [column(2, "333", 0), column(0, "55555", 8), column(1, "7777777", 0)];
        let widths = |width| -> Vec<Option<u16>> {
            let area = Rect::new(0, 0, width, 2);
            places(&columns, area).iter().map(|place| place.map(|place| place.width)).collect()
        };
        assert_eq!(widths(4), [None, None, None]);
        assert_eq!(widths(5), [None, Some(5), None]);
        assert_eq!(widths(18), [None, Some(5), Some(7)]);
        assert_eq!(widths(19), [Some(3), Some(5), Some(7)]);
        assert_eq!(widths(22), [Some(3), Some(8), Some(7)]);
    }
}
