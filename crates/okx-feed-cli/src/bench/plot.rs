//! A self-contained drawing of a run: curves above, stages below.

#![expect(clippy::cast_precision_loss, reason = "a drawing has fewer digits than a float")]

use std::fmt::Write;

use super::curve::draw_curves;
use super::measure::{Row, RowKind};
use super::report::Report;
use super::svg::{COLOURS, escaped};
use crate::format::Nanos;

pub(super) const WIDTH: f64 = 960.0;
const BARS_TOP: f64 = 520.0;
const BAR_STEP: f64 = 34.0;
/// Where the bars start: right of their names.
const BARS_LEFT: f64 = 180.0;
/// The longest bar's end: left of its times.
const BARS_RIGHT: f64 = 700.0;

pub(super) const STYLE: &str = "text{font:14px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1b1f24}\
     .axis,.note{font-size:12px;fill:#57606a}.title{font-size:19px;font-weight:600}\
     .head{font-weight:600}";

/// Draws a report, as a page or as the bare drawing.
pub(super) fn plot(report: &Report, as_page: bool) -> String {
    let svg = drawing(report);
    if as_page { page(&report.title, &svg) } else { svg }
}

/// A page that shows a drawing alone.
pub(super) fn page(title: &str, svg: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{}</title>\n\
         <body style=\"margin:2rem auto;max-width:{WIDTH}px\">\n{svg}</body></html>\n",
        escaped(title)
    )
}

fn drawing(report: &Report) -> String {
    let of_kind = |kind| report.rows.iter().filter(move |row| row.kind == kind);
    let [whole, stages] = [RowKind::HotPath, RowKind::Stage]
        .map(|kind| of_kind(kind).filter(|row| !row.times.is_empty()).collect::<Vec<_>>());
    // The stages, and below them the whole path.
    let bars: Vec<_> = stages.into_iter().chain(whole.iter().copied().take(1)).collect();
    let height = BARS_TOP + BAR_STEP * bars.len() as f64 + 50.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut text = |x: f64, y: f64, class: &str, text: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            r#"<text x="{x:.0}" y="{y:.0}" class="{class}">{}</text>"#,
            escaped(text)
        );
    };
    text(30.0, 36.0, "title", "From frame to published book");
    text(30.0, 58.0, "", &report.title);
    text(30.0, 76.0, "note", &report.facts.to_string());
    text(30.0, 92.0, "note", &report.method());
    text(30.0, 478.0, "head", "Where the time goes");
    text(30.0, 498.0, "note", "each stage alone, caches warm: dark to p50, light to p99");
    draw_curves(&mut svg, &whole);
    draw_bars(&mut svg, &bars);
    svg.push_str("</svg>\n");
    svg
}

fn draw_bars(svg: &mut String, rows: &[&Row]) {
    let p99 = |row: &Row| row.times.value_at_quantile(0.99);
    let longest = rows.iter().map(|row| p99(row)).max().unwrap_or_default().max(1) as f64;
    let width = |ns: u64| (BARS_RIGHT - BARS_LEFT) * ns as f64 / longest;
    for (at, row) in rows.iter().enumerate() {
        let y = BARS_TOP + BAR_STEP * at as f64;
        let (p50, p99) = (row.times.value_at_quantile(0.5), p99(row));
        let [colour, ..] = COLOURS;
        for (ns, opacity) in [(p99, "0.3"), (p50, "1")] {
            let width = width(ns).max(1.0);
            let _ = write!(svg, r#"<rect x="{BARS_LEFT}" y="{y:.0}" width="{width:.1}" "#);
            let _ = writeln!(svg, r#"height="22" fill="{colour}" opacity="{opacity}"/>"#);
        }
        let (x, y, name) = (BARS_LEFT - 10.0, y + 16.0, escaped(&row.name));
        let _ = write!(svg, r#"<text x="{x:.0}" y="{y:.0}" text-anchor="end">{name}</text>"#);
        let x = BARS_LEFT + width(p99).max(1.0) + 10.0;
        let (p50, p99) = (Nanos(p50), Nanos(p99));
        let _ = writeln!(
            svg,
            r#"<text x="{x:.1}" y="{y:.0}" class="axis">p50 {p50}, p99 {p99}</text>"#
        );
    }
}
