//! The live picture: ladder, trades, further channels, counters. It draws and decides nothing.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Cell, Padding, Paragraph, Row, Table};

use super::format::{Bytes, Grouped, aligned};
use super::monitor::{Monitor, Reader, Watched};
use super::report::{anomalies, errors, latencies};
use super::theme::Theme;
use crate::feed::{BookReader, BookView, TradeReader};
use crate::model::{BOOK5_LEVELS, BookState, Decimal, Dialect, Level, Side, UnixNanos};

/// The rows of a ladder: both sides, the line between them, head and frame.
const LADDER_ROWS: u16 = 14;

/// The columns of a ladder; the trades take the rest.
const LADDER_COLUMNS: u16 = 58;

/// The cells of the longest bar.
const BAR_CELLS: u32 = 14;

/// How often the picture is drawn.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(66);

/// What the picture says of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) command: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) url: &'a str,
    pub(crate) duration: Option<Duration>,
}

/// Draws a client's state, with the latest notices below.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    monitor: &Monitor,
    header: &Header<'_>,
    notices: &[String],
) {
    let theme = Theme::of_environment();
    let (panels, others) = arrange(monitor.channels());
    let panel_rows = if panels.is_empty() { 0 } else { LADDER_ROWS };
    let other_rows = if others.is_empty() { 0 } else { u16_of(others.len()).saturating_add(3) };
    let [head, top, middle, counters, bottom, _] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(panel_rows),
        Constraint::Max(other_rows),
        Constraint::Length(4),
        Constraint::Length(u16_of(notices.len())),
        Constraint::Fill(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, theme, monitor, header);
    draw_panels(frame, top, theme, &panels);
    if !others.is_empty() {
        draw_others(frame, middle, theme, &others);
    }
    draw_counters(frame, counters, theme, monitor);
    let notices: Vec<Line<'_>> =
        notices.iter().map(|text| Line::styled(format!(" {text}"), theme.alarm())).collect();
    frame.render_widget(Paragraph::new(notices), bottom);
}

/// The two channels that get a panel, and the rest: a book and its trades, or two of a kind.
fn arrange(channels: &[Watched]) -> (Vec<&Watched>, Vec<&Watched>) {
    let find = |wanted: fn(&Reader) -> bool| channels.iter().position(|c| wanted(&c.reader));
    let book = find(|reader| matches!(reader, Reader::Book(_)));
    let trades = find(|reader| matches!(reader, Reader::Trades(_)));
    let mut chosen: Vec<usize> = [book, trades].into_iter().flatten().collect();
    if chosen.len() == 1 {
        let shown =
            |at: usize, c: &Watched| !matches!(c.reader, Reader::Deep) && !chosen.contains(&at);
        let second = channels.iter().enumerate().find(|(at, c)| shown(*at, c));
        chosen.extend(second.map(|(at, _)| at));
    }
    let others = channels.iter().enumerate().filter(|(at, _)| !chosen.contains(at));
    let others = others.map(|(_, c)| c).collect();
    (chosen.iter().filter_map(|at| channels.get(*at)).collect(), others)
}

fn draw_head(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    monitor: &Monitor,
    header: &Header<'_>,
) {
    let Header { command, dialect, url, duration } = header;
    let left = Line::from(vec![
        Span::styled(format!(" okx-feed {command} "), theme.title()),
        Span::styled(format!(" {dialect}  {url}"), theme.quiet()),
    ]);
    let elapsed = monitor.elapsed().as_secs_f64();
    let of = duration.map(|total| format!(" of {:.0}", total.as_secs_f64())).unwrap_or_default();
    let right = Line::styled(format!("{elapsed:.1}{of} s   q quits "), theme.quiet());
    frame.render_widget(left, area);
    frame.render_widget(right.right_aligned(), area);
}

fn draw_panels(frame: &mut Frame<'_>, area: Rect, theme: Theme, panels: &[&Watched]) {
    let widths = match panels {
        [] => return,
        [_] => vec![Constraint::Fill(1)],
        [_, second] if matches!(second.reader, Reader::Trades(_)) => {
            vec![Constraint::Max(LADDER_COLUMNS), Constraint::Fill(1)]
        }
        _ => vec![Constraint::Fill(1); 2],
    };
    let areas = Layout::horizontal(widths).split(area);
    for (watched, area) in panels.iter().zip(areas.iter()) {
        let name = watched.subscription.to_string();
        match &watched.reader {
            Reader::Book(reader) => draw_ladder(frame, *area, theme, &name, reader),
            Reader::Trades(reader) => draw_tape(frame, *area, theme, &name, reader),
            Reader::Deep => {}
        }
    }
}

/// A frame with the channel's name on the left and its state on the right.
fn panel(theme: Theme, name: &str, state: Option<BookState>) -> Block<'static> {
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

fn draw_ladder(frame: &mut Frame<'_>, area: Rect, theme: Theme, name: &str, reader: &BookReader) {
    let BookView { book, state, .. } = reader.view();
    let (asks, bids) = (book.asks(), book.bids());
    let all: Vec<Level> = asks.iter().chain(bids).copied().collect();
    let px = aligned(&all.iter().map(Level::px).collect::<Vec<_>>());
    let sz = aligned(&all.iter().map(Level::sz).collect::<Vec<_>>());
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
            Cell::from(Line::styled(bar(level.sz(), largest), color)),
        ])
    };
    let mut rows: Vec<Row<'_>> = vec![Row::default(); BOOK5_LEVELS.saturating_sub(asks.len())];
    rows.extend((0..asks.len()).rev().map(|at| row(at, Side::Sell)));
    let number = |number: Option<Decimal>| number.map(|n| n.to_string()).unwrap_or_default();
    let between = [
        Line::styled("spread", theme.quiet()).right_aligned(),
        Line::raw(number(book.spread())).right_aligned(),
        Line::styled(number(book.mid()), theme.title()).right_aligned(),
        Line::styled("mid", theme.quiet()),
    ];
    rows.push(Row::new(between.map(Cell::from)));
    rows.extend((0..bids.len()).map(|at| row(asks.len() + at, Side::Buy)));
    let head = ["orders", "size", "price"].map(|text| Line::raw(text).right_aligned());
    let head = Row::new(head.map(Cell::from)).style(theme.quiet());
    let widths = [
        Constraint::Length(6),
        Constraint::Fill(3),
        Constraint::Fill(3),
        Constraint::Length(u16::try_from(BAR_CELLS).unwrap_or_default()),
    ];
    let time = Line::styled(format!(" {} ", clock_text(book.ts_event)), theme.quiet());
    let block = panel(theme, name, Some(state)).title_bottom(time.right_aligned());
    let table = Table::new(rows, widths).header(head).column_spacing(2).block(block);
    frame.render_widget(table, area);
}

/// A bar as long as a size is large, in eighths of a cell.
fn bar(sz: Decimal, largest: Decimal) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = sz.to_f64() / largest.to_f64();
    let eighths = share * f64::from(BAR_CELLS * 8);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few")]
    let eighths = if eighths.is_finite() { eighths.max(1.0) as usize } else { 0 };
    let last = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{last}", "█".repeat(eighths / 8))
}

fn draw_tape(frame: &mut Frame<'_>, area: Rect, theme: Theme, name: &str, reader: &TradeReader) {
    let shown = u64::from(area.height.saturating_sub(3));
    let first = reader.next().saturating_sub(shown);
    let mut trades: Vec<_> = reader.since(first).map(|(_, trade)| trade).collect();
    trades.reverse();
    let px = aligned(&trades.iter().map(|trade| trade.px()).collect::<Vec<_>>());
    let sz = aligned(&trades.iter().map(|trade| trade.sz()).collect::<Vec<_>>());
    let rows = trades.iter().zip(px.into_iter().zip(sz)).map(|(trade, (px, sz))| {
        let color = theme.side(trade.side());
        Row::new([
            Cell::from(Line::styled(clock_text(trade.ts_event), theme.quiet())),
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
    let widths =
        [Constraint::Length(12), Constraint::Length(4), Constraint::Fill(1), Constraint::Fill(1)];
    let count = Line::styled(format!(" {} trades ", Grouped(reader.next())), theme.quiet());
    let block = panel(theme, name, Some(reader.state())).title_bottom(count.right_aligned());
    frame.render_widget(Table::new(rows, widths).header(head).column_spacing(2).block(block), area);
}

/// The time of day, to the millisecond, in UTC.
pub(crate) fn clock_text(at: UnixNanos) -> String {
    if at == UnixNanos::UNKNOWN {
        return String::new();
    }
    let text = at.iso_ms().to_string();
    text.get(11..23).unwrap_or(&text).to_owned()
}

fn draw_others(frame: &mut Frame<'_>, area: Rect, theme: Theme, others: &[&Watched]) {
    let rows = others.iter().map(|watched| other_row(theme, watched));
    let head = [
        Line::raw("channel"),
        Line::raw("state"),
        Line::raw("bid size").right_aligned(),
        Line::raw("bid").right_aligned(),
        Line::raw("ask").right_aligned(),
        Line::raw("ask size").right_aligned(),
        Line::raw("updates").right_aligned(),
    ];
    let head = Row::new(head.map(Cell::from)).style(theme.quiet());
    let widths = [
        Constraint::Fill(3),
        Constraint::Length(9),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(9),
    ];
    let hidden = (others.len() + 3).saturating_sub(usize::from(area.height));
    let mut block = panel(theme, "further channels", None);
    if hidden > 0 {
        let text = format!(" {hidden} more, with a taller window ");
        block = block.title_bottom(Line::styled(text, theme.quiet()).right_aligned());
    }
    frame.render_widget(Table::new(rows, widths).header(head).column_spacing(2).block(block), area);
}

/// A book by its best levels, or the last trade, where the taker took it.
fn other_row(theme: Theme, watched: &Watched) -> Row<'static> {
    let name = watched.subscription.to_string();
    let (state, best, updates) = match &watched.reader {
        Reader::Book(reader) => {
            let BookView { book, state, version } = reader.view();
            let best = [book.best_bid(), book.best_ask()];
            (Some(state), best.map(|level| level.map(|l| (l.px(), l.sz()))), version)
        }
        Reader::Trades(reader) => {
            let last = |side| reader.last().filter(|t| t.side() == side).map(|t| (t.px(), t.sz()));
            (Some(reader.state()), [last(Side::Sell), last(Side::Buy)], reader.next())
        }
        Reader::Deep => (None, [None, None], 0),
    };
    let text = |number: Option<Decimal>| number.map(|n| n.to_string()).unwrap_or_default();
    let [bid, ask] = best;
    let cell = |text: String, style: Style| Cell::from(Line::styled(text, style).right_aligned());
    let state_cell = match state {
        Some(state) => Line::styled(state.name(), theme.state(state)),
        None => Line::styled("deep", theme.quiet()),
    };
    Row::new([
        Cell::from(name),
        Cell::from(state_cell),
        cell(text(bid.map(|(_, sz)| sz)), Style::new()),
        cell(text(bid.map(|(px, _)| px)), theme.side(Side::Buy)),
        cell(text(ask.map(|(px, _)| px)), theme.side(Side::Sell)),
        cell(text(ask.map(|(_, sz)| sz)), Style::new()),
        cell(Grouped(updates).to_string(), theme.quiet()),
    ])
}

fn draw_counters(frame: &mut Frame<'_>, area: Rect, theme: Theme, monitor: &Monitor) {
    let [left, right] =
        Layout::horizontal([Constraint::Max(LADDER_COLUMNS), Constraint::Fill(1)]).areas(area);
    let stats = monitor.stats();
    let feed = &stats.feed;
    let latency = latencies(stats);
    let latency = latency.map(|(name, value)| (name, value.to_string(), theme.strong()));
    let block = panel(theme, "latency, frame receipt to book update", None);
    draw_numbers(frame, left, theme, block, &latency);

    let malformed = feed.malformed();
    let alarm = |count: u64| if count > 0 { theme.alarm() } else { Style::new() };
    let wrong = errors(feed, malformed) + anomalies(feed);
    let numbers = [
        ("frames", Grouped(feed.frames).to_string(), Style::new()),
        ("frames/s", Grouped(monitor.frames_per_sec()).to_string(), theme.strong()),
        ("bytes", Bytes(feed.wire_bytes).to_string(), Style::new()),
        ("errors", Grouped(wrong).to_string(), alarm(wrong)),
        ("lost", Grouped(stats.losses).to_string(), alarm(stats.losses)),
    ];
    let block = panel(theme, "feed", None);
    draw_numbers(frame, right, theme, block, &numbers);
}

/// Names above numbers, in columns of equal width.
fn draw_numbers(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    block: Block<'_>,
    numbers: &[(&str, String, Style)],
) {
    let names = numbers.iter().map(|(name, ..)| Line::styled(*name, theme.quiet()).right_aligned());
    let values =
        numbers.iter().map(|(_, value, style)| Line::styled(value.clone(), *style).right_aligned());
    let rows = [Row::new(names.map(Cell::from)), Row::new(values.map(Cell::from))];
    let widths = vec![Constraint::Fill(1); numbers.len()];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

fn u16_of(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::net::Client;

    #[test]
    fn every_window_size_and_set_of_channels_can_be_drawn() {
        let url = "ws://127.0.0.1:1";
        let sets: [&[&str]; 5] = [
            &["books5:A"],
            &["trades:A"],
            &["books:A"],
            &["books5:A", "trades:A"],
            &["books5:A", "bbo-tbt:A", "books:A", "trades:A", "trades:B"],
        ];
        let duration = Some(Duration::from_secs(10));
        let header = Header { command: "watch", dialect: Dialect::V5, url, duration };
        for set in sets {
            let channels: Vec<_> = set.iter().map(|text| text.parse().unwrap()).collect();
            let client = Client::builder(Dialect::V5).url(url).subscriptions(channels.clone());
            let monitor = Monitor::new(client.spawn().unwrap(), &channels).unwrap();
            for (width, height) in [(0, 0), (1, 1), (20, 5), (80, 24), (120, 40), (300, 100)] {
                let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
                let notices = ["no connection".to_owned()];
                terminal.draw(|frame| draw(frame, &monitor, &header, &notices)).unwrap();
                if height >= 24 {
                    let picture = terminal.backend().to_string();
                    assert!(set.iter().all(|name| picture.contains(name)), "{picture}");
                    assert!(picture.contains("p99.9") && picture.contains("no connection"));
                }
            }
        }
    }

    #[test]
    fn bars_are_as_long_as_sizes_are_large() {
        let bar = |sz: &str| bar(sz.parse().unwrap(), "8".parse().unwrap()).chars().count();
        assert_eq!([bar("8"), bar("4"), bar("0.001")], [14, 7, 1]);
        assert_eq!(super::bar(Decimal::ZERO, Decimal::ZERO), "");
    }
}
