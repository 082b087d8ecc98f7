//! The alerts, the dashboard and the documents of `docs/ops` against the metrics that there are.

use std::collections::{BTreeMap, BTreeSet};

use okx_feed::NoSink;
use okx_feed_export::metrics::{Metrics, MetricsOptions};
use serde_json::Value;

use crate::running::{Folder, Running};

const ALERTS: &str = include_str!("../../../../docs/ops/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../docs/ops/grafana-dashboard.json");
const RUNBOOK: &str = include_str!("../../../../docs/ops/runbook.md");
const README: &str = include_str!("../../../../docs/ops/README.md");

/// The labels of each metric by its name, of a client with two lines, a recording and an exporter.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Folder::new("ops-files");
    let channels = ["books:BTC-USDT", "books5:ETH-USDT", "trades:BTC-USDT"];
    let server = "nats://127.0.0.1:1";
    let running = Running::with_everything(1_000, &channels, &folder, server, NoSink);
    let mut options = MetricsOptions::default();
    options.by_instrument = true;
    let text = Metrics::new(running.feeds(), options).text();
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.split(',').filter_map(|pair| pair.split_once('='));
        let known: &mut BTreeSet<String> = all.entry(name.to_owned()).or_default();
        known.extend(labels.map(|(label, _)| label.to_owned()));
        known.extend(["instance", "job"].map(str::to_owned));
    }
    all
}

/// The words of a text that begin like a metric.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_of_name(c)).filter(|word| word.starts_with("okx_feed_"))
}

/// The expressions of the dashboard and of the alerts.
fn expressions() -> Vec<String> {
    let board: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut all: Vec<_> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(all.len() > 30, "{}", all.len());
    let rules = ALERTS.split("      - alert: ").skip(1);
    for rule in rules {
        let (_, rest) = rule.split_once("expr:").unwrap();
        let end = rest.find("\n        labels:").unwrap();
        all.push(rest.get(..end).unwrap().replace("\n        for:", ""));
    }
    all
}

/// The labels that an expression names, in `by (..)` and in `{..}`.
fn labels(expression: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for part in expression.split("by (").skip(1) {
        let (list, _) = part.split_once(')').unwrap();
        all.extend(list.split(',').map(|label| label.trim().to_owned()));
    }
    for part in expression.split('{').skip(1) {
        let (list, _) = part.split_once('}').unwrap();
        let pairs = list.split("\",").filter_map(|pair| pair.split(['=', '!']).next());
        all.extend(pairs.map(|label| label.trim().to_owned()));
    }
    all
}

#[test]
fn alerts_dashboard_and_documents_name_only_metrics_that_there_are() {
    let metrics = metrics();
    assert!(metrics.len() > 70, "{}", metrics.len());
    for expression in expressions() {
        let mut used = BTreeSet::new();
        for name in names(&expression) {
            let known = metrics.get(name).unwrap_or_else(|| panic!("no {name}: {expression}"));
            used.extend(known.iter().cloned());
        }
        for label in labels(&expression) {
            let is_known = used.contains(&label) || expression.trim_start().starts_with("up{");
            assert!(is_known, "no label {label}: {expression}");
        }
    }
    for (file, text) in [("runbook.md", RUNBOOK), ("README.md", README)] {
        let mut named = 0;
        for name in names(text).filter(|name| !name.ends_with('_')) {
            let is_family = metrics.keys().any(|known| known.starts_with(name));
            assert!(is_family, "{file}: {name}");
            named += 1;
        }
        assert!(named > 5, "{file}");
    }
}

#[test]
fn each_alert_has_its_section_of_the_runbook_and_each_section_its_alert() {
    let alerts: BTreeSet<_> =
        ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let sections: BTreeSet<_> =
        RUNBOOK.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(alerts, sections);
    for alert in &alerts {
        let link = format!("runbook: runbook.md#{}", alert.to_lowercase());
        assert!(ALERTS.contains(&link), "{link}");
    }
    for section in RUNBOOK.split("\n## ").skip(1) {
        let is_whole = section.contains("**Meaning.**") && section.contains("**Do.**");
        assert!(is_whole, "{section}");
    }
}
