//! Writes families of metrics: one descriptor, then a value for each set of labels.

use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::buckets::Buckets;

/// Labels: names and values.
pub(super) type Labels<'l> = &'l [(&'l str, &'l str)];

/// What gives the values of a family: it calls its argument with each.
pub(super) type Values<'v, T> =
    &'v dyn Fn(&mut dyn FnMut(Labels<'_>, T) -> Result<(), Error>) -> Result<(), Error>;

/// Writes families to one answer.
#[derive(Debug)]
pub(super) struct Families<'e>(DescriptorEncoder<'e>);

impl<'e> Families<'e> {
    pub(super) const fn new(encoder: DescriptorEncoder<'e>) -> Self {
        Self(encoder)
    }

    /// A family of counters. The name is without `_total`, which the encoder adds.
    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        all: Values<'_, u64>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        all(&mut |labels, value| {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)
        })
    }

    /// A family of gauges.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        all: Values<'_, f64>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        all(&mut |labels, value| family.encode_family(&labels)?.encode_gauge(&value))
    }

    /// A family of histograms.
    pub(super) fn histograms(
        &mut self,
        name: &str,
        help: &str,
        all: Values<'_, Buckets>,
    ) -> Result<(), Error> {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        all(&mut |labels, Buckets { sum, count, buckets }| {
            let mut of_labels = family.encode_family(&labels)?;
            of_labels.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }
}
