//! Events as plain lines for people.

use std::io::Write;

use super::format::{Counted, Printable, clock_text};
use okx_feed::model::FieldValue;
use okx_feed::{Control, DepthUpdate, Event, Level, RecordUpdate, Topic};

/// The most fields of a record on a line.
const MAX_FIELDS: usize = 8;

/// Appends an event as one line: time of receipt, channel, content.
pub(crate) fn write_line(out: &mut Vec<u8>, event: &Event<'_>) {
    let time = clock_text(event.ts_recv());
    // Writing to memory does not fail.
    let _ = write!(out, "{time:12}  ");
    match event {
        Event::Book(update) => {
            name(out, update.topic);
            best(out, "bid", update.book.best_bid());
            best(out, "ask", update.book.best_ask());
        }
        Event::Trade(update) => {
            name(out, update.topic);
            let trade = &update.trade;
            let (side, px, sz) = (trade.side().name(), trade.px(), trade.sz());
            let _ = write!(out, "{side:4} {px} x {sz}  id {}", trade.trade_id);
        }
        Event::Depth(update) => depth(out, update),
        Event::DepthBook(change) => {
            let (update, view) = (change.update, change.book.view());
            name(out, update.topic);
            best(out, "bid", view.best_bid());
            best(out, "ask", view.best_ask());
            let (asks, bids) = (view.asks().len(), view.bids().len());
            let _ = write!(out, "{asks} asks, {bids} bids, {}", change.book.sync().name());
        }
        Event::Record(update) => record(out, update),
        Event::Raw(message) => {
            name(out, message.topic);
            let _ = write!(out, "{}", Printable(message.text));
        }
        Event::Control(control) => reply(out, control),
        Event::Skipped(skipped) if skipped.channel.is_empty() => {
            let _ = write!(out, "skipped a message that names no channel");
        }
        Event::Skipped(skipped) => {
            let _ = write!(out, "skipped a message of {}", Printable(skipped.channel));
        }
        Event::Malformed(malformed) => {
            let _ = write!(out, "malformed frame: {} at byte {}", malformed.kind, malformed.offset);
        }
        Event::Gap(gap) => {
            let _ = match gap.lines {
                0 => write!(out, "the recording has a gap: {}", Printable(gap.reason)),
                lines => {
                    let lines = Counted(lines, "line");
                    write!(out, "the recording lacks {lines} here: {}", Printable(gap.reason))
                }
            };
        }
        Event::State(change) => {
            let name = Printable(&change.subscription.to_string()).to_string();
            let _ = write!(out, "{name:32} {} -> {}", change.from, change.to);
        }
        _ => out.extend_from_slice(b"an event that this version cannot print"),
    }
    out.push(b'\n');
}

/// Appends the number of events that were not printed.
pub(crate) fn write_missed(out: &mut Vec<u8>, count: u64) {
    let _ = writeln!(out, "{:12}  missed {}: output is slow", "", Counted(count, "event"));
}

/// A topic in a column as wide as most of them.
fn name(out: &mut Vec<u8>, topic: Topic<'_>) {
    let _ = write!(out, "{:32} ", Printable(&topic.to_string()).to_string());
}

fn best(out: &mut Vec<u8>, side: &str, level: Option<&Level>) {
    let text = match level {
        Some(level) => format!("{side} {} x {}", level.px(), level.sz()),
        None => format!("no {side}"),
    };
    let _ = write!(out, "{text:28}");
}

fn depth(out: &mut Vec<u8>, update: &DepthUpdate<'_>) {
    name(out, update.topic);
    let (asks, bids) = (update.asks.len(), update.bids.len());
    let _ = write!(out, "{} of {asks} asks, {bids} bids", update.action.name());
}

/// The first fields of a record that are there.
fn record(out: &mut Vec<u8>, update: &RecordUpdate<'_>) {
    name(out, update.topic);
    let mut shown = 0;
    update.record.data.fields(&mut |name, value| {
        let text = match value {
            FieldValue::Decimal(number) => number.to_string(),
            FieldValue::Text(text) => Printable(text).to_string(),
            FieldValue::Time(time) => time.iso_ms().to_string(),
            FieldValue::Bool(value) => value.to_string(),
            FieldValue::Integer(value) => value.to_string(),
            _ => return,
        };
        if shown < MAX_FIELDS {
            let _ = write!(out, "{}{name} {text}", if shown == 0 { "" } else { "  " });
        }
        shown += 1;
    });
}

fn reply(out: &mut Vec<u8>, control: &Control<'_>) {
    let _ = write!(out, "{}", control.kind);
    if let Some(code) = control.code {
        let _ = write!(out, " {code}");
    }
    let of = [control.channel, control.inst_id, control.message];
    for text in of.into_iter().flatten().filter(|text| !text.is_empty()) {
        let _ = write!(out, "  {}", Printable(text));
    }
}
