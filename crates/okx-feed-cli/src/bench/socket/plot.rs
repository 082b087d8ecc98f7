//! A self-contained drawing of the cases with a pace: both transports, each case in a panel.

#![expect(clippy::cast_precision_loss, reason = "a drawing has fewer digits than a float")]

use std::fmt::Write;

use super::report::{Report, Row as Case, SPANS};
use super::run::Seen;
use crate::bench::curve::draw_curves;
use crate::bench::measure::{Row, RowKind};
use crate::bench::plot::{STYLE, WIDTH, page};
use crate::bench::svg::escaped;

/// The height of a panel, of which its curves take the most.
const PANEL: f64 = 400.0;
/// Where the first panel begins.
const TOP: f64 = 60.0;

/// Draws a report, as a page or as the bare drawing.
pub(super) fn plot(report: &Report, as_page: bool) -> String {
    let svg = drawing(report);
    if as_page { page(&report.title, &svg) } else { svg }
}

fn drawing(report: &Report) -> String {
    let cases: Vec<_> = report.rows.iter().filter(|case| case.is_paced).collect();
    let height = TOP + PANEL * cases.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let head = [
        (36.0, "title", "From the write of a frame to its published book".to_owned()),
        (58.0, "", report.title.clone()),
        (76.0, "note", report.facts.to_string()),
        (92.0, "note", format!("all {} rounds; the kernel's loopback is in it", report.rounds)),
    ];
    for (y, class, text) in head {
        // Writing to a string does not fail.
        let _ =
            writeln!(svg, r#"<text x="30" y="{y:.0}" class="{class}">{}</text>"#, escaped(&text));
    }
    for (n, case) in cases.into_iter().enumerate() {
        let y = TOP + PANEL * n as f64;
        let _ = writeln!(svg, r#"<g transform="translate(0 {y:.0})">"#);
        let _ = writeln!(svg, r#"<text x="30" y="80" class="head">{}</text>"#, escaped(&case.name));
        let rows = curves(case);
        draw_curves(&mut svg, &rows.iter().collect::<Vec<_>>());
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// One curve a transport: the times of all rounds.
fn curves(case: &Case) -> Vec<Row> {
    let [(span, times), ..] = SPANS;
    let merged = |rounds: &[Seen]| {
        let mut all = rounds.iter().map(times);
        let mut sum = all.next()?.clone();
        // All have the same bounds.
        all.for_each(|more| {
            let _ = sum.add(more);
        });
        Some(sum)
    };
    let row = |(transport, rounds): &(&'static str, Vec<Seen>)| {
        let name = format!("{transport}, {span}");
        Some(Row { name, times: merged(rounds)?, kind: RowKind::HotPath })
    };
    case.transports.iter().filter_map(row).collect()
}
