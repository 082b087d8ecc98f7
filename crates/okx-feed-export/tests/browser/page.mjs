// The page in a real browser, against the embedded exchange. What it shows is compared with what
// `okx-feed watch --json` of the same run has printed, which shares no code with the page.
//
//     node page.mjs OKX_FEED CHROMIUM [DIRECTORY_FOR_PICTURES]

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import process from "node:process";
import readline from "node:readline";
import { chromium } from "playwright-core";

const [program, browserPath, pictures] = process.argv.slice(2);
if (!program || !browserPath) throw new Error("usage: page.mjs OKX_FEED CHROMIUM [PICTURES]");
if (pictures) mkdirSync(pictures, { recursive: true });
const children = [];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function check(is, what) {
  if (!is) throw new Error(what);
  console.log(`ok: ${what}`);
}

async function until(what, limit, probe) {
  const start = performance.now();
  for (;;) {
    const found = await probe();
    if (found) return { found, ms: Math.round(performance.now() - start) };
    if (performance.now() - start > limit) throw new Error(`not within ${limit} ms: ${what}`);
    await sleep(10);
  }
}

// Starts the program; gives the first line of standard error that matches.
function start(args, pattern, onLine) {
  const child = spawn(program, args, {
    stdio: ["ignore", onLine ? "pipe" : "ignore", "pipe"],
    env: { ...process.env, NO_PROXY: "*", RUST_LOG: "" },
  });
  children.push(child);
  if (onLine) readline.createInterface({ input: child.stdout }).on("line", onLine);
  const errors = readline.createInterface({ input: child.stderr });
  const found = new Promise((resolve, reject) => {
    errors.on("line", (line) => {
      if (process.env.OKX_FEED_VERBOSE) console.error(line);
      const match = line.match(pattern);
      if (match) resolve(match[0]);
    });
    child.on("exit", (code) => reject(new Error(`${args[0]} has ended with ${code}`)));
  });
  found.catch(() => {});
  return { child, found };
}

const books = new Map(); // by the text of its levels
const trades = new Map(); // by id
const events = [];

function onEvent(line) {
  const event = JSON.parse(line);
  if (event.event === "book" && event.inst_id === "BTC-USDT" && event.channel === "books5") {
    const side = (levels) => levels.map(([px, sz]) => `${px} ${sz}`).join(",");
    books.set(`${side(event.asks)}|${side(event.bids)}`, event);
  } else if (event.event === "trade" && event.inst_id === "BTC-USDT") {
    trades.set(String(event.trade_id), event);
  } else if (event.event === "state") {
    events.push(event);
  }
}

// What the page shows of the book and the trades.
const shown = () => {
  const cells = (id) => [...document.querySelectorAll(`#${id} tr`)].map((tr) =>
    [...tr.cells].map((td) => td.textContent.trim()));
  return {
    asks: cells("asks").reverse(),
    bids: cells("bids"),
    bid: document.getElementById("bid").textContent,
    ask: document.getElementById("ask").textContent,
    trades: [...document.querySelectorAll("#trades tr")].map((tr) => ({
      id: tr.dataset.id,
      side: tr.cells[1].className === "bid" ? "buy" : "sell",
      px: tr.cells[1].textContent,
      sz: tr.cells[2].textContent,
    })),
    live: document.querySelectorAll("#list tr.live").length,
  };
};

async function numbersAreTheFeeds(page) {
  let compared = 0;
  let seenTrades = 0;
  for (let n = 0; n < 25; n += 1) {
    const now = await page.evaluate(shown);
    const text = `${now.asks.map((l) => l.join(" ")).join(",")}|${now.bids.map((l) => l.join(" ")).join(",")}`;
    await until(`a book of the feed: ${text}`, 2000, () => books.has(text));
    if (now.asks[0][0] !== now.ask || now.bids[0][0] !== now.bid) throw new Error("the quote differs");
    compared += now.asks.length + now.bids.length;
    for (const one of now.trades) {
      const { found } = await until(`trade ${one.id}`, 2000, () => trades.get(one.id));
      if (found.px !== one.px || found.sz !== one.sz || found.side !== one.side) throw new Error(`trade ${one.id}`);
      seenTrades += 1;
    }
    await sleep(80);
  }
  check(compared >= 200, `${compared} levels on the page are levels that the feed has printed`);
  check(seenTrades > 20, `${seenTrades} trades on the page are trades that the feed has printed`);
}

// How long after it came a gap is on the page, in milliseconds.
async function gapDelay(page) {
  const late = await page.evaluate(() => {
    const find = () => state.losses.filter((one) => one.text.includes("gap")).length;
    return new Promise((done) => {
      const before = find();
      const timer = setInterval(() => {
        if (find() > before) { clearInterval(timer); done(Date.now()); }
      }, 5);
    });
  });
  const broken = events.filter((one) => one.to === "resyncing" && one.ts_recv_ns / 1e6 <= late);
  return late - broken.at(-1).ts_recv_ns / 1e6;
}

// The processor time of a thread of a process, in seconds.
function threadSeconds(pid, name) {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const of = (file) => readFileSync(`/proc/${pid}/task/${task}/${file}`, "utf8");
    if (of("comm").trim() !== name) continue;
    const words = of("stat").split(") ")[1].split(" ");
    return (Number(words[11]) + Number(words[12])) / 100;
  }
  throw new Error(`no thread ${name}`);
}

async function run() {
  const faults = "gap:every=4s,channel=books;corrupt:every=7s";
  const exchange = start(
    ["serve", "--listen", "127.0.0.1:0", "--instruments", "80", "--rate", "2000", "--every-change",
      "--faults", faults],
    /ws:\/\/\S+\/ws\/v5\/public/,
  );
  const url = await exchange.found;
  const port = url.match(/:(\d+)\//)[1];
  const listed = await Promise.all(["SPOT", "SWAP"].map(async (type) =>
    (await fetch(`http://127.0.0.1:${port}/api/v5/public/instruments?instType=${type}`)).json()));
  const all = listed.flatMap((answer) => answer.data.map((one) => one.instId));
  const ids = all.filter((id) => id !== "BTC-USDT");
  check(ids.length >= 49, `${ids.length + 1} instruments`);
  const channels = ["books5:BTC-USDT", "trades:BTC-USDT", "books:ETH-USDT", ...ids.map((id) => `books5:${id}`)];
  const feed = start(
    ["watch", "--json", "--url", url, "--web", "127.0.0.1:0", ...channels],
    /http:\/\/127[^ ]+\//,
    onEvent,
  );
  const address = await feed.found;

  const browser = await chromium.launch({
    executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"],
  });
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 } });
  const page = await context.newPage();
  const faulty = [];
  const foreign = [];
  page.on("pageerror", (error) => faulty.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") faulty.push(message.text()); });
  page.on("request", (request) => { if (!request.url().startsWith(address)) foreign.push(request.url()); });
  await page.goto(address);
  await until("the list", 10000, () => page.evaluate(() => document.querySelectorAll("#list tr.live").length >= 10));
  console.log(`${channels.length} subscriptions`);
  await page.click('#list tr[data-sub="books5:BTC-USDT"]');
  await until("the picked book", 5000, () => page.evaluate(() =>
    document.getElementById("name").textContent === "books5:BTC-USDT"
    && document.querySelectorAll("#bids tr").length === 5 && state.trades.length > 5));
  await numbersAreTheFeeds(page);

  // Gaps of an order book show as losses.
  const gap = await until("a gap on the page", 15000, () => page.evaluate(() =>
    (state.losses.find((one) => one.text.includes("gap")) || null)));
  // A machine that is busy with other things may be late once.
  let delay = Infinity;
  for (let n = 0; n < 3 && delay >= 1000; n += 1) delay = Math.min(delay, await gapDelay(page));
  check(delay < 1000, `a gap is on the page ${Math.round(delay)} ms after it came (${gap.found.text})`);
  const [before, from] = [threadSeconds(feed.child.pid, "okx-web"), performance.now()];
  await sleep(15000);
  const share = (1e5 * (threadSeconds(feed.child.pid, "okx-web") - before)) / (performance.now() - from);
  check(share < 10, `the thread of the page takes ${share.toFixed(1)} % of a core`);
  if (pictures) await page.screenshot({ path: `${pictures}/desktop.png` });

  const phone = await browser.newContext({
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true,
  });
  const small = await phone.newPage();
  await small.goto(address);
  await until("the phone's book", 10000, () => small.evaluate(() => document.querySelectorAll("#bids tr").length > 0));
  const wide = await small.evaluate(() => document.documentElement.scrollWidth);
  await until("the phone's list", 10000, () => small.evaluate(() => document.querySelectorAll("#list tr").length > 40));
  check(wide <= 390, `nothing is wider than the phone (${wide} px)`);
  const cut = await small.evaluate(() => {
    const list = document.querySelector("#picker .scroll");
    return list.scrollWidth - list.clientWidth;
  });
  check(cut <= 0, "the list on the phone shows all of its columns");
  await sleep(3000);
  if (pictures) await small.screenshot({ path: `${pictures}/phone.png`, fullPage: true });
  await phone.close();

  // Data comes ten times a second: the page keeps up with it, on a loaded machine without a GPU too.
  const drawn = await page.evaluate(() => new Promise((done) => {
    let count = 0;
    const start = performance.now();
    const next = () => {
      count += 1;
      if (performance.now() - start < 2000) requestAnimationFrame(next);
      else done((1000 * count) / (performance.now() - start));
    };
    requestAnimationFrame(next);
  }));
  check(drawn > 10, `the page draws ${drawn.toFixed(0)} times a second`);

  // The exchange is gone: the book is not live.
  exchange.child.kill("SIGKILL");
  const lost = await until("the lost exchange on the page", 3000, () => page.evaluate(() =>
    document.getElementById("state").classList.contains("bad") && !document.getElementById("alarm").hidden));
  check(lost.ms < 1000, `a lost exchange is on the page after ${lost.ms} ms`);
  if (pictures) await page.screenshot({ path: `${pictures}/lost.png` });

  // The program is stopped: the page is stale, and says so.
  feed.child.kill("SIGSTOP");
  const stale = await until("a stale page", 3000, () => page.evaluate(() =>
    document.body.classList.contains("stale") && document.getElementById("alarm").textContent.startsWith("STALE")));
  check(stale.ms < 1500, `a silent program is on the page after ${stale.ms} ms`);
  await sleep(1200);
  if (pictures) await page.screenshot({ path: `${pictures}/stale.png` });
  feed.child.kill("SIGCONT");
  await until("the page back", 5000, () => page.evaluate(() => !document.body.classList.contains("stale")));
  console.log("ok: it is not stale any more once the program runs again");

  // Another program runs at the same address: its losses count from 0 again, and are shown.
  feed.child.kill("SIGKILL");
  const restarted = Date.now();
  await until("a stale page", 5000, () => page.evaluate(() => document.body.classList.contains("stale")));
  start(["watch", "--json", "--url", url, "--web", new URL(address).host, ...channels], /page on/, () => {});
  await until("the losses of the new program", 15000, () => page.evaluate((from) =>
    state.losses.length > 0 && state.losses.every((one) => one.t >= from), restarted));
  console.log("ok: the losses of another program at the same address are shown");
  // The browser itself has reported the requests that failed meanwhile.
  faulty.splice(0, faulty.length, ...faulty.filter((text) => !text.includes("net::ERR_")));

  check(foreign.length === 0, "the page asks nobody else for anything");
  check(faulty.length === 0, `no error in the browser ${faulty.join("; ")}`);
  await browser.close();
}

try {
  await run();
} catch (error) {
  console.error(`FAILED: ${error.message}`);
  process.exitCode = 1;
} finally {
  children.forEach((child) => child.kill("SIGKILL"));
  setTimeout(() => process.exit(), 500).unref();
}
