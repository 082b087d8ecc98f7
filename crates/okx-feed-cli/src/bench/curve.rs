//! The percentile curves: percentiles to the right, times upwards on a logarithmic scale.

#![expect(clippy::cast_precision_loss, reason = "a drawing has fewer digits than a float")]

use std::fmt::Write;

use super::measure::Row;
use super::svg::{COLOURS, LEFT, RIGHT, escaped};
use crate::format::{Nanos, RoundNanos};

const TOP: f64 = 100.0;
const BOTTOM: f64 = 430.0;

/// Points of a curve for each power of ten.
const STEPS: u32 = 40;

/// Where the horizontal axis is named: the number of nines, and the percentile.
const TICKS: [(f64, &str); 7] = [
    (0.0, "min"),
    (0.301, "p50"),
    (1.0, "p90"),
    (2.0, "p99"),
    (3.0, "p99.9"),
    (4.0, "p99.99"),
    (5.0, "p99.999"),
];

/// Draws the curves of some rows into `svg`, with their axes and legend.
pub(super) fn draw_curves(svg: &mut String, rows: &[&Row]) {
    let count = rows.iter().map(|row| row.times.len()).max().unwrap_or_default();
    // As many nines as the number of frames supports.
    let nines = (count.max(10) as f64).log10().min(5.0);
    let quantile = |x: f64| 1.0 - 10f64.powf(-x);
    let low = rows.iter().map(|row| row.times.min()).min().unwrap_or(1).max(1);
    let high = rows.iter().map(|row| row.times.value_at_quantile(quantile(nines))).max();
    let axes = Axes::new(nines, low as f64, high.unwrap_or(1) as f64);
    axes.draw(svg);
    for (at, (row, colour)) in rows.iter().zip(COLOURS).enumerate() {
        let steps = (nines * f64::from(STEPS)).floor();
        let mut path = String::new();
        let mut step = 0.0;
        while step <= steps {
            let x = step / f64::from(STEPS);
            let ns = row.times.value_at_quantile(quantile(x)).max(1) as f64;
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string does not fail.
            let _ = write!(path, "{command}{:.1} {:.1}", axes.x(x), axes.y(ns));
            step += 1.0;
        }
        let _ =
            writeln!(svg, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>"#);
        let y = TOP + 22.0 + 22.0 * at as f64;
        let [p50, p99] = [0.5, 0.99].map(|at| Nanos(row.times.value_at_quantile(at)));
        let (rect_x, rect_y) = (LEFT + 16.0, y - 6.0);
        let _ = write!(
            svg,
            r#"<rect x="{rect_x:.0}" y="{rect_y:.0}" width="18" height="4" fill="{colour}"/>"#
        );
        let (x, name) = (LEFT + 42.0, escaped(&row.name));
        let _ = writeln!(svg, r#"<text x="{x:.0}" y="{y:.0}">{name}: p50 {p50}, p99 {p99}</text>"#);
    }
}

/// The scales of both directions.
struct Axes {
    nines: f64,
    low: f64,
    high: f64,
}

impl Axes {
    fn new(nines: f64, low: f64, high: f64) -> Self {
        // Room for the legend above, and none for a scale of no extent.
        Self { nines, low: low * 0.8, high: (high * 1.6).max(low * 4.0) }
    }

    fn x(&self, nines: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * nines / self.nines
    }

    fn y(&self, ns: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (ns / self.low).ln() / (self.high / self.low).ln()
    }

    fn draw(&self, svg: &mut String) {
        for (nines, name) in TICKS {
            if nines <= self.nines {
                let x = self.x(nines);
                line(svg, [x, TOP, x, BOTTOM]);
                let _ = writeln!(
                    svg,
                    r#"<text x="{x:.1}" y="{:.0}" class="axis" text-anchor="middle">{name}</text>"#,
                    BOTTOM + 20.0
                );
            }
        }
        for ns in steps() {
            let ns_shown = ns as f64;
            if ns_shown >= self.low && ns_shown <= self.high {
                let y = self.y(ns_shown);
                line(svg, [LEFT, y, RIGHT, y]);
                let _ = writeln!(
                    svg,
                    r#"<text x="{:.0}" y="{:.1}" class="axis" text-anchor="end">{}</text>"#,
                    LEFT - 8.0,
                    y + 4.0,
                    RoundNanos(ns)
                );
            }
        }
    }
}

/// 1, 2, 5, 10, 20, 50 ... nanoseconds, up to ten seconds.
fn steps() -> impl Iterator<Item = u64> {
    (0..=10).flat_map(|power| [1, 2, 5].map(|first| first * 10u64.pow(power)))
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(
        svg,
        r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#e2e6ea"/>"##
    );
}
