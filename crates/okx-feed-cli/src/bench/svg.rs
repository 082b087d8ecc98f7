//! What all parts of a drawing share.

/// Where a curve begins and ends, in pixels.
pub(super) const LEFT: f64 = 90.0;
pub(super) const RIGHT: f64 = 930.0;

/// Colours that can be distinguished with a colour vision deficiency.
pub(super) const COLOURS: [&str; 3] = ["#0072b2", "#e69f00", "#d55e00"];

/// A text as it may stand in a drawing, which is XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
