//! The latest record of one channel.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{Column, SPACING, draw_columns};
use super::frame::{Frame, draw_frame, draw_words};
use super::ladder_panel::FRAME_COLUMNS;
use super::picture::RecordFields;
use super::theme::Theme;
use crate::format::Grouped;

/// The columns that a record needs for its names and values.
pub(super) fn record_needs(record: &RecordFields) -> u16 {
    let columns = columns_of_record(record, usize::MAX, Theme { colored: false });
    let main = columns.iter().map(Column::needs).sum::<u16>();
    main.saturating_add(SPACING + FRAME_COLUMNS)
}

pub(super) fn draw_record(
    buf: &mut Buffer,
    area: Rect,
    theme: Theme,
    name: &str,
    record: &RecordFields,
) {
    let foot = format!("{} updates", Grouped(record.count));
    let frame = Frame { name: name.to_owned(), state: Some(record.state), foot };
    let inner = draw_frame(buf, area, theme, &frame);
    let rows = usize::from(inner.height.saturating_sub(1));
    let columns = columns_of_record(record, rows, theme);
    let places = draw_columns(buf, inner, theme.quiet(), &columns);
    if places.iter().all(Option::is_none) {
        draw_words(buf, inner, theme, "too narrow for the values");
    }
}

fn columns_of_record(record: &RecordFields, rows: usize, theme: Theme) -> [Column; 2] {
    let shown = record.fields.get(..rows).unwrap_or(&record.fields);
    let names = shown.iter().map(|(name, _)| ((*name).to_owned(), theme.quiet()));
    let style = theme.of_state(record.state, Style::new());
    let values = shown.iter().map(|(_, value)| (value.clone(), style));
    [Column::words("field", 1, names.collect()), Column::words("value", 0, values.collect())]
}
