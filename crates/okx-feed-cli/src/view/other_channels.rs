//! The channels that have no panel, one a row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{Column, SPACING, draw_columns};
use super::fit::shortened;
use super::frame::{Frame, draw_frame};
use super::ladder_panel::NUMBER_COLUMNS;
use super::picture::{Content, Pane, Picture};
use super::theme::Theme;
use crate::format::Grouped;
use okx_feed::{BookState, Decimal, Side};

/// The columns that a shortened name has at least, so that it can be distinguished from others.
const MIN_NAME: u16 = 14;

pub(super) fn draw_others(buf: &mut Buffer, area: Rect, theme: Theme, picture: &Picture) {
    if area.is_empty() {
        return;
    }
    let rows = usize::from(area.height.saturating_sub(3));
    let shown = picture.others.get(..rows).unwrap_or(&picture.others);
    let hidden = picture.others.len() - shown.len() + picture.more;
    let foot = match hidden {
        0 => String::new(),
        _ => format!("{} more, with a taller window", Grouped(hidden as u64)),
    };
    let frame = Frame { name: "further channels".to_owned(), state: None, foot };
    let inner = draw_frame(buf, area, theme, &frame);
    draw_columns(buf, inner, theme.quiet(), &columns(shown, inner.width, theme));
}

fn columns(shown: &[Pane], width: u16, theme: Theme) -> [Column; 7] {
    let rows: Vec<_> = shown.iter().map(|pane| (pane.content.state(), numbers(pane))).collect();
    let states = rows.iter().map(|(state, _)| (state.name().to_owned(), theme.state(*state)));
    let numbers = |head, rank, at: usize, style: Style| {
        let text = |numbers: &[String; 5]| numbers.get(at).cloned().unwrap_or_default();
        let cell = |(state, numbers): &(BookState, [String; 5])| {
            (text(numbers), theme.of_state(*state, style))
        };
        Column::numbers(head, rank, rows.iter().map(cell).collect(), NUMBER_COLUMNS)
    };
    let (bid, ask) = (theme.side(Side::Buy), theme.side(Side::Sell));
    let states = Column::words("state", 1, states.collect());
    let (bids, asks) = (numbers("bid", 2, 1, bid), numbers("ask", 3, 2, ask));
    // A name may be shortened, so that the prices have room, or at least the state.
    let beside = |columns: &[&Column]| -> u16 {
        columns.iter().map(|column| column.needs() + SPACING).sum()
    };
    let room = [beside(&[&states, &bids, &asks]), beside(&[&states])]
        .map(|beside| width.saturating_sub(beside));
    let room = room.into_iter().find(|room| *room >= MIN_NAME).unwrap_or_default();
    let name = |pane: &Pane| (shortened(&pane.name, room).unwrap_or_default(), Style::new());
    [
        Column::words("channel", 0, shown.iter().map(name).collect()),
        states,
        numbers("bid size", 5, 0, Style::new()),
        bids,
        asks,
        numbers("ask size", 6, 3, Style::new()),
        numbers("updates", 4, 4, theme.quiet()),
    ]
}

/// The numbers of a channel: a book by its best levels, trades by the last one, on the side that
/// the taker took it from.
fn numbers(pane: &Pane) -> [String; 5] {
    let (best, updates) = match &pane.content {
        Content::Book(ladder) => {
            let best = [ladder.bids.first(), ladder.asks.first()];
            (best.map(|level| level.map(|level| (level.px(), level.sz()))), ladder.version)
        }
        Content::Trades(tape) => {
            let last = tape.trades.first();
            let of = |side| last.filter(|t| t.side() == side).map(|t| (t.px(), t.sz()));
            ([of(Side::Sell), of(Side::Buy)], tape.count)
        }
        Content::Record(record) => {
            // Its first value, where a bid stands.
            let first = record.fields.iter().find(|(name, _)| *name != "inst_id");
            let first = first.map(|(_, text)| text.clone()).unwrap_or_default();
            let updates = Grouped(record.count).to_string();
            return [String::new(), first, String::new(), String::new(), updates];
        }
    };
    let text = |number: Option<Decimal>| number.map(|n| n.to_string()).unwrap_or_default();
    let [bid, ask] = best;
    [
        text(bid.map(|(_, sz)| sz)),
        text(bid.map(|(px, _)| px)),
        text(ask.map(|(px, _)| px)),
        text(ask.map(|(_, sz)| sz)),
        Grouped(updates).to_string(),
    ]
}
