"use strict";
// Two charts by uPlot. Their data is kept here, so that a page that is open for days stays small.

const CHART_HEIGHT = 150;

class TimeChart {
  constructor(element, keep, series, scale) {
    this.element = element;
    this.keep = keep;
    this.data = [[], ...series.map(() => [])];
    const axis = { stroke: "#8b98a7", grid: { stroke: "#222a34", width: 1 }, ticks: { show: false } };
    this.plot = new uPlot({
      width: Math.max(element.clientWidth, 200),
      height: CHART_HEIGHT,
      cursor: { y: false },
      legend: { show: false },
      scales: { y: scale.y || {} },
      axes: [
        { ...axis, size: 26, space: 80, values: (_, all) => all.map((s) => new Date(s * 1000).toISOString().slice(11, 19)) },
        { ...axis, size: 78, values: scale.values },
      ],
      series: [{}, ...series.map((one) => ({
        width: 1.4, points: { show: false }, spanGaps: false, ...one,
      }))],
    }, this.data, element);
    new ResizeObserver(() => {
      this.plot.setSize({ width: Math.max(element.clientWidth, 200), height: CHART_HEIGHT });
    }).observe(element);
  }

  add(time, values) {
    [time, ...values].forEach((value, at) => this.data[at].push(value));
    const from = time - this.keep;
    let old = 0;
    while (old < this.data[0].length && this.data[0][old] < from) old += 1;
    if (old > 0) this.data.forEach((column) => column.splice(0, old));
  }

  clear() {
    this.data.forEach((column) => { column.length = 0; });
    this.draw();
  }

  draw() {
    if (!document.hidden) this.plot.setData(this.data);
  }
}

function nanos(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1e3) return `${value} ns`;
  if (value < 1e6) return `${(value / 1e3).toPrecision(3)} µs`;
  if (value < 1e9) return `${(value / 1e6).toPrecision(3)} ms`;
  return `${(value / 1e9).toPrecision(3)} s`;
}
