//! What leaves the machine of a feed: NATS subjects, Prometheus metrics and a page in a browser.
//!
//! Nothing here runs on the feed's thread. Every part reads the rings and readers that the library
//! publishes for other threads.
//!
//! Each part is behind a Cargo feature: `nats`, `metrics`, `web`. None is on by default.
