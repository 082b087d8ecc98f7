"use strict";
// The page: one stream of server-sent events, drawn at most once a frame. Prices and sizes are
// texts from the exchange and are shown as they are.

const LINK_LIMIT_MS = 1000;
const BEAT_LIMIT_MS = 3000;
const MAX_TRADES = 60;
const MAX_LOSSES = 100;

const $ = (id) => document.getElementById(id);
const state = {
  source: null, version: null, feed: null, sub: null, heard: 0, dirty: false,
  tick: null, book: null, trades: [], leftOut: 0, rows: [], stats: null, losses: [], lossSeen: -1,
};
const rows = new Map();

const midChart = new TimeChart($("mid-chart"), 60, [{ label: "mid", stroke: "#58a6ff" }], {
  values: (_, all) => all.map((v) => String(+v.toPrecision(9))),
});
const latencyChart = new TimeChart($("latency-chart"), 120, [
  { label: "p50", stroke: "#4cc38a" },
  { label: "p99", stroke: "#e6b450" },
  { label: "max", stroke: "#f2777a" },
], {
  y: { distr: 3 },
  values: (_, all) => all.map((v) => (v === null ? "" : nanos(v))),
});

// Elements.

function cell(text, name) {
  const td = document.createElement("td");
  td.textContent = text;
  if (name) td.className = name;
  return td;
}

function row(...cells) {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
}

function set(id, text, name) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
  if (name !== undefined && element.className !== name) element.className = name;
}

function time(ms) {
  return ms ? new Date(ms).toISOString().slice(11, 23) : "–";
}

function age(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} min`;
}

// The stream.

function connect(feed, sub) {
  if (state.source) state.source.close();
  const query = new URLSearchParams();
  if (feed) query.set("feed", feed);
  if (sub) query.set("sub", sub);
  Object.assign(state, { book: null, trades: [], leftOut: 0, lossSeen: -1, losses: [] });
  midChart.clear();
  // Nothing of one instrument may stand under the name of another.
  set("name", sub ? ofFeed(feed, sub) : "–");
  set("state", "", "badge");
  ["ask", "bid", "spread", "times"].forEach((id) => set(id, ""));
  ["asks", "bids", "trades"].forEach((id) => $(id).replaceChildren());
  const source = new EventSource(`/events?${query}`);
  state.source = source;
  const on = (name, act) => source.addEventListener(name, (event) => {
    if (source !== state.source) return;
    state.heard = performance.now();
    act(JSON.parse(event.data));
    state.dirty = true;
  });
  on("hello", (hello) => {
    // Another program may run now, with another page, and with losses that count from 0 again.
    if (state.version && state.version !== hello.version) location.reload();
    if (state.feed !== hello.feed) forgetStats();
    Object.assign(state, {
      version: hello.version, feed: hello.feed, sub: hello.sub, book: null, trades: [], leftOut: 0,
      losses: [], lossSeen: -1,
    });
    set("version", hello.version);
    set("name", ofFeed(hello.feed, hello.sub));
    $("book").hidden = !hello.has_book;
    $("tape").hidden = !hello.has_trades;
  });
  on("tick", onTick);
  on("list", (list) => { state.rows = list.rows; });
  on("stats", onStats);
  on("loss", (loss) => {
    if (loss.n <= state.lossSeen) return;
    state.lossSeen = loss.n;
    state.losses.unshift(loss);
    state.losses.length = Math.min(state.losses.length, MAX_LOSSES);
  });
}

// No figure of one feed may stand under another one.
function forgetStats() {
  state.stats = null;
  latencyChart.clear();
  ["p50", "p99", "max", "kernel", "rate", "recorder"].forEach((id) => set(id, ""));
  set("health", "", "badge");
  ["totals", "connections"].forEach((id) => $(id).replaceChildren());
}

function onTick(tick) {
  state.tick = tick;
  if (tick.book) state.book = tick.book;
  if (tick.trades && tick.trades.length > 0) {
    state.trades = tick.trades.reverse().concat(state.trades).slice(0, MAX_TRADES);
  }
  state.leftOut += tick.left_out || 0;
  const best = state.book && state.book.live && state.book.asks[0] && state.book.bids[0];
  const mid = best ? (Number(state.book.asks[0][0]) + Number(state.book.bids[0][0])) / 2 : null;
  midChart.add(tick.now / 1000, [mid]);
}

function onStats(stats) {
  state.stats = stats.feeds;
  const of = stats.feeds.find((one) => one.feed === state.feed);
  if (!of || !state.tick) return;
  const { p50, p99, max } = of.latency_ns;
  latencyChart.add(state.tick.now / 1000, [p50, p99, max]);
}

// Drawing.

function drawBook() {
  const { book, tick } = state;
  if (!book) return;
  set("state", book.state.replaceAll("_", " "), book.live ? "badge good" : "badge bad");
  $("book").className = book.live ? "" : "stale";
  const [ask, bid] = [book.asks[0], book.bids[0]];
  set("ask", ask ? ask[0] : "–");
  set("bid", bid ? bid[0] : "–");
  const decimals = ask ? (ask[0].split(".")[1] || "").length : 0;
  const spread = ask && bid ? (Number(ask[0]) - Number(bid[0])).toFixed(decimals) : "";
  set("spread", spread && `spread ${spread}`);
  const most = Math.max(1e-300, ...book.asks.concat(book.bids).map((level) => Number(level[1])));
  const level = ([px, sz]) => {
    const size = cell(sz);
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${(100 * Number(sz)) / most}%`;
    size.append(bar);
    return row(cell(px), size);
  };
  $("asks").replaceChildren(...book.asks.map(level).reverse());
  $("bids").replaceChildren(...book.bids.map(level));
  const old = tick ? Math.max(0, tick.now - book.ts_recv) : null;
  set("times", book.ts_recv
    ? `exchange ${time(book.ts_event)}, received ${time(book.ts_recv)}\n${age(old)} ago` : "no book yet");
}

function drawTrades() {
  const all = state.trades.map((one) => {
    const tr = row(cell(time(one.t)), cell(one.px, one.side === "buy" ? "bid" : "ask"), cell(one.sz));
    tr.dataset.id = one.id;
    return tr;
  });
  $("trades").replaceChildren(...all);
  set("left-out", state.leftOut ? `${state.leftOut} not shown: too many at once` : "");
}

// With several feeds, what is of which.
function ofFeed(feed, text) {
  return state.rows.some((one) => one.feed !== state.rows[0].feed) ? `${feed} ${text}` : text;
}

function drawList() {
  const wanted = $("filter").value.trim().toLowerCase();
  const shown = state.rows.filter((one) =>
    ofFeed(one.feed, one.sub).toLowerCase().includes(wanted));
  const keys = new Set();
  const list = $("list");
  shown.forEach((one, at) => {
    const key = `${one.feed} ${one.sub}`;
    keys.add(key);
    let tr = rows.get(key);
    if (!tr) {
      tr = row(...Array.from({ length: 5 }, () => cell("")));
      tr.tabIndex = 0;
      tr.dataset.sub = one.sub;
      const pick = () => {
        connect(one.feed, one.sub);
        // On a phone the book is above the list.
        if (matchMedia("(max-width: 900px)").matches) scrollTo({ top: 0 });
      };
      tr.addEventListener("click", pick);
      tr.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(); });
      rows.set(key, tr);
    }
    const texts = [ofFeed(one.feed, one.sub), one.state.replaceAll("_", " "), one.bid || "", one.ask || "", age(one.age)];
    texts.forEach((text, n) => { if (tr.cells[n].textContent !== text) tr.cells[n].textContent = text; });
    const picked = one.feed === state.feed && one.sub === state.sub;
    tr.className = (one.live ? "live" : "") + (picked ? " picked" : "");
    if (list.children[at] !== tr) list.insertBefore(tr, list.children[at] || null);
  });
  rows.forEach((tr, key) => {
    if (!keys.has(key)) { tr.remove(); rows.delete(key); }
  });
  const live = state.rows.filter((one) => one.live).length;
  set("live-count", `${live} of ${state.rows.length} live`);
}

function drawStats() {
  const of = state.stats && state.stats.find((one) => one.feed === state.feed);
  if (!of) return;
  const isWhole = of.health === "connected" || /^(\d+) of \1 connections/.test(of.health);
  set("health", of.health, isWhole ? "badge good" : "badge bad");
  set("rate", `${of.frames_new.toLocaleString("en")} frames/s`);
  const now = of.latency_ns;
  set("p50", `p50 ${nanos(now.p50)}`);
  set("p99", `p99 ${nanos(now.p99)}`);
  set("max", `max ${nanos(now.max)}`);
  set("kernel", of.kernel_ns.count
    ? `from the kernel p50 ${nanos(of.kernel_ns.p50)}, p99 ${nanos(of.kernel_ns.p99)}` : "");
  const totals = [
    ["frames", of.frames], ["events", of.events], ["errors", of.errors, 1],
    ["broken order books", of.broken, 1], ["missed trades", of.missed_trades, 1],
    ["resyncs", of.resyncs, 1], ["connects", of.connects], ["lost or failed", of.losses, 1],
  ];
  $("totals").replaceChildren(...totals.map(([name, count, isBad]) =>
    row(cell(name), cell(count.toLocaleString("en"), isBad && count ? "bad" : ""))));
  const line = (one) => {
    const lines = of.lines.length > 1 ? of.lines[one.line] : null;
    const ping = one.round_trip_us === null ? "–" : nanos(one.round_trip_us * 1000);
    const lag = lines && lines.lag_us !== null ? nanos(lines.lag_us * 1000) : "–";
    return row(cell(`${one.group}/${one.line}`), cell(one.up ? "open" : "down", one.up ? "bid" : "ask"),
      cell(one.live), cell(lines ? lines.first : "–"), cell(lines ? lines.duplicates : "–"), cell(lag),
      cell(ping), cell(one.requests_left));
  };
  $("connections").replaceChildren(...of.connections.map(line));
  const recorded = of.recorded;
  set("recorder", recorded ? `recording: ${recorded.lines.toLocaleString("en")} lines, `
    + `${(recorded.bytes / 1e6).toFixed(1)} MB, ${recorded.dropped} missing`
    + (recorded.error ? `; can't write: ${recorded.error}` : "") : "");
}

function drawLosses() {
  const now = state.tick ? state.tick.now : 0;
  $("loss-list").replaceChildren(...state.losses.map((one) => {
    const tr = row(cell(time(one.t).slice(0, 8)), cell(ofFeed(one.feed, one.text)));
    if (now - one.t < 10000) tr.className = "fresh";
    return tr;
  }));
  set("loss-count", state.losses.length ? `last ${state.losses.length}` : "none");
}

// What is shown is stale where the page hears nothing, or the feed's thread does not run.
function drawAlarm() {
  const silent = state.heard ? performance.now() - state.heard : null;
  const isOpen = silent !== null && silent < LINK_LIMIT_MS;
  set("link", isOpen ? "page connected" : "page not connected", isOpen ? "badge good" : "badge bad");
  let text = "";
  if (!isOpen) {
    text = silent === null ? "Connecting to okx-feed …"
      : `STALE: nothing from okx-feed for ${age(Math.round(silent))}. Do not use what is shown.`;
  } else if (state.tick && state.tick.beat_age > BEAT_LIMIT_MS) {
    text = `STALE: the feed's thread has not run for ${age(state.tick.beat_age)}.`;
  } else if (state.book && !state.book.live) {
    text = `This book is ${state.book.state.replaceAll("_", " ")}: it is not the exchange's.`;
  }
  $("alarm").hidden = !text;
  set("alarm", text);
  document.body.classList.toggle("stale", text.startsWith("STALE"));
  if (state.tick) set("clock", `${time(state.tick.now)} UTC`);
}

function draw() {
  if (state.dirty && !document.hidden) {
    state.dirty = false;
    drawBook();
    drawTrades();
    drawList();
    drawStats();
    drawLosses();
    midChart.draw();
    latencyChart.draw();
  }
  drawAlarm();
  requestAnimationFrame(draw);
}

$("filter").addEventListener("input", () => { state.dirty = true; });
connect(null, null);
// A stream that was refused, such as by a program that just starts, is not opened again by itself.
setInterval(() => {
  if (state.source.readyState === EventSource.CLOSED) connect(state.feed, state.sub);
}, 1000);
requestAnimationFrame(draw);
