//! The live picture: ladder, trades, further channels, counters. It draws and decides nothing.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, Wrap};

use super::format::{Bytes, Grouped};
use super::ladder::Ladder;
use super::monitor::{Monitor, Reader, Watched};
use super::panels::{LADDER_COLUMNS, LADDER_FRAME, columns, draw_ladder, draw_tape, panel};
use super::report::{anomalies, errors, latencies};
use super::theme::Theme;
use crate::model::{BOOK5_LEVELS, BookState, Decimal, Dialect, Side};

/// The columns from which on the further channels have sizes and the counters have bytes.
const WIDE_TABLE: u16 = 108;

/// The rows of the line at the top and of the counters.
const HEAD_ROWS: u16 = 1;
const COUNTER_ROWS: u16 = 4;

/// How often the picture is drawn.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(66);

/// What the picture says of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) command: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) url: &'a str,
    pub(crate) duration: Option<Duration>,
    /// The levels a side that are shown of a book, where there are as many and they have room.
    pub(crate) depth: usize,
}

/// Draws a client's state, with the latest notices below.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    monitor: &Monitor,
    header: &Header<'_>,
    notices: &[String],
) {
    let theme = Theme::of_environment();
    let (panels, others) = arrange(monitor.channels(), header.depth);
    let other_rows = if others.is_empty() { 0 } else { u16_of(others.len()).saturating_add(3) };
    let columns = usize::from(frame.area().width).max(1);
    // Words that move to the next row may ask for one row more.
    let rows_of = |text: &String| text.chars().count().div_ceil(columns) + 1;
    let notice_rows: usize = notices.iter().map(rows_of).sum();
    // A deep ladder leaves the further channels a third of the window.
    let height = frame.area().height;
    let others_of_third = other_rows.min(height / 3);
    let taken = [HEAD_ROWS, COUNTER_ROWS, others_of_third, u16_of(notice_rows)];
    let room = taken.into_iter().fold(height, u16::saturating_sub);
    let levels = panels.iter().map(|watched| levels_of(&watched.reader, header.depth, room)).max();
    let panel_rows = levels.map_or(0, |levels| rows_of_levels(levels.max(BOOK5_LEVELS)));
    let [head, top, middle, counters, bottom, _] = Layout::vertical([
        Constraint::Length(HEAD_ROWS),
        Constraint::Length(panel_rows),
        Constraint::Max(other_rows),
        Constraint::Length(COUNTER_ROWS),
        Constraint::Length(u16_of(notice_rows)),
        Constraint::Fill(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, theme, monitor, header);
    draw_panels(frame, top, theme, &panels, levels.unwrap_or_default());
    if !others.is_empty() {
        draw_others(frame, middle, theme, &others);
    }
    draw_counters(frame, counters, theme, monitor);
    let notices: Vec<Line<'_>> =
        notices.iter().map(|text| Line::styled(text.as_str(), theme.alarm())).collect();
    frame.render_widget(Paragraph::new(notices).wrap(Wrap { trim: true }), bottom);
}

/// The levels a side that a ladder has, where so many rows are left for it: five at least, however
/// few rows there are, since what is cut then is told by the frame that is cut too.
fn levels_of(reader: &Reader, depth: usize, room: u16) -> usize {
    let fitting = usize::from(room.saturating_sub(LADDER_FRAME) / 2).max(BOOK5_LEVELS);
    match reader {
        Reader::Deep(_) => depth.min(fitting),
        Reader::Book(_) | Reader::Trades(_) => depth.min(BOOK5_LEVELS),
    }
}

fn rows_of_levels(levels: usize) -> u16 {
    u16_of(2 * levels).saturating_add(LADDER_FRAME)
}

/// The two channels that get a panel, and the rest: a book and its trades, or two of a kind. Where
/// more levels are asked for than five, a book that has them comes first.
fn arrange(channels: &[Watched], depth: usize) -> (Vec<&Watched>, Vec<&Watched>) {
    let find = |wanted: fn(&Reader) -> bool| channels.iter().position(|c| wanted(&c.reader));
    let deep = find(|reader| matches!(reader, Reader::Deep(_))).filter(|_| depth > BOOK5_LEVELS);
    let book = deep.or_else(|| find(|reader| !matches!(reader, Reader::Trades(_))));
    let trades = find(|reader| matches!(reader, Reader::Trades(_)));
    let mut chosen: Vec<usize> = [book, trades].into_iter().flatten().collect();
    if chosen.len() == 1 {
        let second = (0..channels.len()).find(|at| !chosen.contains(at));
        chosen.extend(second);
    }
    let others = channels.iter().enumerate().filter(|(at, _)| !chosen.contains(at));
    let others = others.map(|(_, c)| c).collect();
    (chosen.iter().filter_map(|at| channels.get(*at)).collect(), others)
}

/// The ladder's part of a line, and the rest.
fn left_and_right(columns: u16) -> [Constraint; 2] {
    let left = LADDER_COLUMNS.min(columns / 20 * 11);
    [Constraint::Length(left), Constraint::Fill(1)]
}

fn draw_head(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    monitor: &Monitor,
    header: &Header<'_>,
) {
    let Header { command, dialect, url, duration, .. } = header;
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

fn draw_panels(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: Theme,
    panels: &[&Watched],
    levels: usize,
) {
    let widths = match panels {
        [] => return,
        [_] => vec![Constraint::Fill(1)],
        [_, second] if matches!(second.reader, Reader::Trades(_)) => {
            left_and_right(area.width).to_vec()
        }
        _ => vec![Constraint::Fill(1); 2],
    };
    let areas = Layout::horizontal(widths).split(area);
    for (watched, area) in panels.iter().zip(areas.iter()) {
        let name = watched.subscription.to_string();
        if let Some(ladder) = watched.reader.ladder(levels) {
            draw_ladder(frame, *area, theme, &name, &ladder);
        } else if let Reader::Trades(reader) = &watched.reader {
            draw_tape(frame, *area, theme, &name, reader);
        }
    }
}

fn draw_others(frame: &mut Frame<'_>, area: Rect, theme: Theme, others: &[&Watched]) {
    let texts: Vec<_> = others.iter().map(|watched| other_texts(watched)).collect();
    let state_columns = texts.iter().map(|(state, _)| state.name().len()).max();
    let number_columns = |at: usize| {
        let column: Vec<String> =
            texts.iter().filter_map(|(_, row)| row.get(at).cloned()).collect();
        columns(&column)
    };
    // Where there is no room for all, sizes go first: a number that is cut is a wrong number.
    let wide = area.width >= WIDE_TABLE;
    let names = ["bid size", "bid", "ask", "ask size", "updates"];
    let shown: Vec<usize> = if wide { (0..names.len()).collect() } else { vec![1, 2, 4] };
    let mut widths =
        vec![Constraint::Fill(1), Constraint::Length(u16_of(state_columns.unwrap_or(5).max(5)))];
    widths.extend(shown.iter().map(|at| Constraint::Length(number_columns(*at))));
    let mut head = vec![Line::raw("channel"), Line::raw("state")];
    let numbers = names.map(|name| Line::raw(name).right_aligned());
    head.extend(shown.iter().filter_map(|at| numbers.get(*at).cloned()));
    let head = Row::new(head.into_iter().map(Cell::from)).style(theme.quiet());
    let rows =
        others.iter().zip(texts).map(|(watched, texts)| other_row(theme, watched, &shown, texts));
    let hidden = (others.len() + 3).saturating_sub(usize::from(area.height));
    let mut block = panel(theme, "further channels", None);
    if hidden > 0 {
        let text = format!(" {hidden} more, with a taller window ");
        block = block.title_bottom(Line::styled(text, theme.quiet()).right_aligned());
    }
    frame.render_widget(Table::new(rows, widths).header(head).column_spacing(2).block(block), area);
}

/// The state and the numbers of a further channel: a book by its best levels, trades by the last
/// one, on the side that the taker took it from.
fn other_texts(watched: &Watched) -> (BookState, [String; 5]) {
    let book = |ladder: Ladder| {
        let best = [ladder.bids.first(), ladder.asks.first()];
        (ladder.state, best.map(|level| level.map(|l| (l.px(), l.sz()))), ladder.version)
    };
    let (state, best, updates) = match &watched.reader {
        Reader::Book(reader) => book(Ladder::of_book(reader, 1)),
        Reader::Deep(reader) => book(Ladder::of_depth(reader, 1)),
        Reader::Trades(reader) => {
            let last = reader.last();
            let of = |side| last.filter(|t| t.side() == side).map(|t| (t.px(), t.sz()));
            (reader.state(), [of(Side::Sell), of(Side::Buy)], reader.next())
        }
    };
    let text = |number: Option<Decimal>| number.map(|n| n.to_string()).unwrap_or_default();
    let [bid, ask] = best;
    let numbers = [
        text(bid.map(|(_, sz)| sz)),
        text(bid.map(|(px, _)| px)),
        text(ask.map(|(px, _)| px)),
        text(ask.map(|(_, sz)| sz)),
        Grouped(updates).to_string(),
    ];
    (state, numbers)
}

fn other_row(
    theme: Theme,
    watched: &Watched,
    shown: &[usize],
    (state, texts): (BookState, [String; 5]),
) -> Row<'static> {
    let state = Line::styled(state.name(), theme.state(state));
    let (bid, ask) = (theme.side(Side::Buy), theme.side(Side::Sell));
    let styles = [Style::new(), bid, ask, Style::new(), theme.quiet()];
    let numbers = texts.into_iter().zip(styles).enumerate().filter(|(at, _)| shown.contains(at));
    let numbers = numbers.map(|(_, (text, style))| Line::styled(text, style).right_aligned());
    let name = Line::raw(watched.subscription.to_string());
    Row::new([name, state].into_iter().chain(numbers).map(Cell::from))
}

fn draw_counters(frame: &mut Frame<'_>, area: Rect, theme: Theme, monitor: &Monitor) {
    let [left, right] = Layout::horizontal(left_and_right(area.width)).areas(area);
    let stats = monitor.stats();
    let feed = &stats.feed;
    let latency = latencies(stats);
    let latency = latency.map(|(name, value)| (name, value.to_string(), theme.strong()));
    let block = panel(theme, "latency, frame receipt to book update", None);
    draw_numbers(frame, left, theme, block, &latency);

    let malformed = feed.malformed();
    let alarm = |count: u64| if count > 0 { theme.alarm() } else { Style::new() };
    let wrong = errors(feed, malformed) + anomalies(feed);
    let mut numbers = vec![
        ("frames", Grouped(feed.frames).to_string(), Style::new()),
        ("frames/s", Grouped(monitor.frames_per_sec()).to_string(), theme.strong()),
        ("bytes", Bytes(feed.wire_bytes).to_string(), Style::new()),
        ("errors", Grouped(wrong).to_string(), alarm(wrong)),
        ("lost", Grouped(stats.losses).to_string(), alarm(stats.losses)),
    ];
    if area.width < WIDE_TABLE {
        numbers.retain(|(name, ..)| *name != "bytes");
    }
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
    use crate::feed::DepthPublisher;
    use crate::model::{
        Channel, DepthAction, DepthBook, DepthUpdate, Level, NO_SEQ, Subscription, UnixNanos,
    };
    use crate::net::Client;

    /// A channel with a live deep book of 30 levels a side.
    fn deep(name: &str) -> Watched {
        let subscription: Subscription = name.parse().unwrap();
        let side = |first: i64, step: i64| -> Vec<Level> {
            let px = |n| Decimal::new(first + n * step, 0).unwrap();
            (0..30).map(|n| Level::new(px(n), Decimal::new(7, 0).unwrap(), 1)).collect()
        };
        let (asks, bids) = (side(5_000, 1), side(4_999, -1));
        let mut book = DepthBook::new();
        let applied = book.apply(&DepthUpdate {
            channel: Channel::Books,
            market: None,
            inst_id: "A",
            action: DepthAction::Snapshot,
            ts_event: UnixNanos(1),
            ts_recv: UnixNanos(2),
            seq: NO_SEQ,
            prev_seq: NO_SEQ,
            checksum: None,
            asks: &asks,
            bids: &bids,
        });
        assert!(applied.applied);
        let mut publisher = DepthPublisher::new();
        publisher.publish(&book.view(), BookState::Live);
        Watched { subscription, reader: Reader::Deep(publisher.reader()) }
    }

    /// The prices of a ladder in a window with so many rows left for it, from top to bottom.
    fn prices(watched: &Watched, depth: usize, room: u16) -> Vec<i64> {
        let levels = levels_of(&watched.reader, depth, room);
        let rows = rows_of_levels(levels.max(BOOK5_LEVELS));
        let mut terminal = Terminal::new(TestBackend::new(80, rows)).unwrap();
        let theme = Theme { colored: false };
        terminal.draw(|frame| draw_panels(frame, frame.area(), theme, &[watched], levels)).unwrap();
        let picture = terminal.backend().to_string();
        let px = |word: &str| word.parse().ok().filter(|px| (4_000..6_000).contains(px));
        picture.split_whitespace().filter_map(px).collect()
    }

    #[test]
    fn a_ladder_is_as_deep_as_asked_and_as_the_window_allows() {
        let watched = deep("books:A");
        let expected = |levels: i64| (5_000 - levels..5_000 + levels).rev().collect::<Vec<_>>();
        for (depth, room, levels) in
            [(1, 100, 1), (5, 14, 5), (5, 3, 5), (20, 44, 20), (20, 43, 19), (25, 100, 25)]
        {
            assert_eq!(prices(&watched, depth, room), expected(levels), "{depth} of {room}");
        }
    }

    #[test]
    fn more_than_five_levels_are_looked_for_where_they_are() {
        let publisher = crate::feed::BookPublisher::new();
        let five = |name: &str| Watched {
            subscription: name.parse().unwrap(),
            reader: Reader::Book(publisher.reader()),
        };
        let channels = [five("books5:A"), deep("books:A")];
        let first = |depth| arrange(&channels, depth).0[0].subscription.to_string();
        assert_eq!([first(5), first(6)], ["books5:A", "books:A"]);
        let channels = [five("books5:A"), five("bbo-tbt:A")];
        assert_eq!(arrange(&channels, 25).0[0].subscription.to_string(), "books5:A");
        assert_eq!(levels_of(&channels[0].reader, 25, 100), 5);
    }

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
        let header = Header { command: "watch", dialect: Dialect::V5, url, duration, depth: 20 };
        for set in sets {
            let channels: Vec<_> = set.iter().map(|text| text.parse().unwrap()).collect();
            let client = Client::builder(Dialect::V5).url(url).subscriptions(channels.clone());
            let monitor = Monitor::new(client.spawn().unwrap(), &channels).unwrap();
            for (width, height) in [(0, 0), (1, 1), (20, 5), (80, 24), (120, 40), (300, 100)] {
                let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
                let notices = ["no connection".to_owned()];
                terminal.draw(|frame| draw(frame, &monitor, &header, &notices)).unwrap();
                if height >= 40 {
                    let picture = terminal.backend().to_string();
                    assert!(set.iter().all(|name| picture.contains(name)), "{picture}");
                    assert!(picture.contains("p99.9") && picture.contains("no connection"));
                }
            }
        }
    }
}
