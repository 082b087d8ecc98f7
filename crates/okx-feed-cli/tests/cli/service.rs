//! `okx-feed run --config`, and the metrics and the page of `watch`: the real programs over HTTP.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Program, text};
use crate::watch::Exchange;

/// A file in a folder of its own, which ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("okx-feed-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The status and the rest of the answer to a request.
fn get(addr: &str, path: &str, header: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

fn local(addr: &str, path: &str) -> (u16, String) {
    get(addr, path, "Host: localhost")
}

/// Waits until `probe` gives something.
fn wait<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_500 {
        if let Some(found) = probe() {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("not in time: {what}");
}

/// The address that a line of standard error has after `before`.
fn address(program: &mut Program, before: &str) -> String {
    loop {
        let line = program.error_line();
        assert!(!line.is_empty(), "the program has ended");
        if let Some((_, rest)) = line.split_once(before) {
            return rest.split(['/', '\n']).next().unwrap().to_owned();
        }
    }
}

fn config(url: &str, dir: &str, channels: &str) -> String {
    format!(
        "[log]\nformat = \"json\"\n[metrics]\nlisten = \"127.0.0.1:0\"\nby_instrument = true\n\
         [web]\nlisten = \"127.0.0.1:0\"\n[[feed]]\nname = \"one\"\nurl = \"{url}\"\n\
         channels = [{channels}]\nlines = 2\n[feed.record]\ndir = \"{dir}/capture\"\n"
    )
}

#[test]
fn a_publisher_is_seen_by_its_metrics_and_its_page_without_its_server() {
    let exchange = Exchange::start();
    // Nobody listens there: the feed goes on, and the metrics say what is not sent.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nats = format!("nats://{free}");
    let mut publisher = Program::start(&[
        "publish",
        "--nats",
        &nats,
        "--url",
        &exchange.v5,
        "--no-proxy",
        "--metrics",
        "127.0.0.1:0",
        "--web",
        "127.0.0.1:0",
        "books5:BTC-USDT",
        "trades:BTC-USDT",
    ]);
    let metrics = address(&mut publisher, "metrics on http://");
    let page = address(&mut publisher, "page on http://");
    wait("ready", || (local(&metrics, "/readyz").0 == 200).then_some(()));
    assert_eq!((local(&metrics, "/healthz").0, local(&page, "/").0), (200, 200));
    let value = |name: &str| {
        let text = local(&metrics, "/metrics").1;
        let start = format!("{name}{{feed=\"main\"}} ");
        let found = text.lines().find_map(|line| line.strip_prefix(&start));
        found.unwrap_or_else(|| panic!("no {name}: {text}")).parse::<f64>().unwrap()
    };
    wait("events", || (value("okx_feed_exporter_events_total") > 5.0).then_some(()));
    assert!(value("okx_feed_exporter_queued_events") > 0.0);
    assert_eq!(value("okx_feed_exporter_connected"), 0.0);
    assert_eq!(value("okx_feed_connections_open"), 1.0);
    let ended = publisher.signal("INT");
    assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stderr));
    assert!(text(&ended.stderr).contains(" not sent"), "{}", text(&ended.stderr));
}

#[test]
fn a_service_runs_reloads_and_ends_by_its_file() {
    let exchange = Exchange::start();
    let folder = Folder::new("service");
    let dir = folder.0.to_str().unwrap().to_owned();
    let channels = "\"books5:BTC-USDT\", \"trades:BTC-USDT\"";
    let path = folder.write("f.toml", &config(&exchange.v5, &dir, channels));
    let checked = Program::start(&["run", "--config", &path, "--check"]).finish();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let mut service = Program::start(&["run", "--config", &path]);
    let metrics = address(&mut service, "metrics on http://");
    let page = address(&mut service, "page on http://");
    wait("ready", || (local(&metrics, "/readyz").0 == 200).then_some(()));
    assert_eq!(local(&metrics, "/healthz").0, 200);
    assert_eq!(local(&page, "/").0, 200);
    let live = |inst_id: &str| {
        let wanted = format!("inst_id=\"{inst_id}\"");
        let text = local(&metrics, "/metrics").1;
        let is_live = |line: &&str| line.starts_with("okx_feed_subscription_live{");
        let lines = text.lines().filter(is_live).filter(|line| line.contains(&wanted));
        lines.map(|line| line.ends_with(" 1.0")).collect::<Vec<_>>()
    };
    assert_eq!(live("BTC-USDT"), [true, true]);
    assert!(live("ETH-USDT").is_empty());

    // A file with a mistake changes nothing; a right one changes what is subscribed.
    folder.write("f.toml", "[[feed]]\nname = 1");
    service.send_signal("HUP");
    wait_for_log(&mut service, "the file can't be used");
    let channels = "\"books5:BTC-USDT\", \"books5:ETH-USDT\"";
    folder.write("f.toml", &config(&exchange.v5, &dir, channels));
    service.send_signal("HUP");
    let reloaded = wait_for_log(&mut service, "the file was read again");
    assert_eq!((&reloaded["subscribed"], &reloaded["unsubscribed"]), (&1.into(), &1.into()));
    wait("the new channel", || (live("ETH-USDT") == [true]).then_some(()));
    wait("the old channel", || (live("BTC-USDT") == [true]).then_some(()));

    let ended = service.signal("TERM");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    for line in text(&ended.stderr).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    }
    let files: Vec<_> = std::fs::read_dir(folder.0.join("capture")).unwrap().flatten().collect();
    let files: Vec<_> = files.iter().map(|file| file.path().display().to_string()).collect();
    assert_eq!(files.len(), 1);
    let replayed = Program::start(&["replay", "--json", &files[0]]).finish();
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed.stderr));
    assert!(text(&replayed.stdout).contains("ETH-USDT"));
}

#[test]
fn selections_join_and_leave_by_the_file_and_a_changed_protocol_ends_nothing() {
    let exchange = Exchange::start();
    let folder = Folder::new("selections");
    let write = |feed: &str| {
        let text = format!(
            "[log]\nformat = \"json\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
             by_instrument = true\n[[feed]]\nname = \"one\"\nurl = \"{}\"\n{feed}\n",
            exchange.v5
        );
        folder.write("f.toml", &text)
    };
    let path = write("channels = [\"books5:BTC-USDT\"]");
    let mut service = Program::start(&["run", "--config", &path]);
    let metrics = address(&mut service, "metrics on http://");
    let live = || {
        let text = local(&metrics, "/metrics").1;
        let is_live =
            |line: &&str| line.starts_with("okx_feed_subscription_live{") && line.ends_with(" 1.0");
        let word = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let lines = text.lines().filter(is_live);
        let named =
            lines.map(|line| format!("{}:{}", word(line, "channel"), word(line, "inst_id")));
        named.filter(|name| !name.starts_with("instruments")).collect::<BTreeSet<_>>()
    };
    let becomes = |wanted: &[&str]| {
        let wanted: BTreeSet<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        wait(&format!("{wanted:?}"), || (live() == wanted).then_some(()));
    };
    becomes(&["books5:BTC-USDT"]);
    let mut reload = |feed: &str, message: &str| {
        write(feed);
        service.send_signal("HUP");
        wait_for_log(&mut service, message)
    };
    let again = "the file was read again";
    // It began without any selection.
    let entry = reload("channels = [\"books5:BTC-USDT\", \"trades:BTC-USDT*,type=SWAP\"]", again);
    assert_eq!(entry["new_selections"], true);
    becomes(&["books5:BTC-USDT", "trades:BTC-USDT-SWAP"]);
    reload("channels = [\"books5:BTC-*\"]", again);
    wait("books of the selection", || {
        let now = live();
        (now.contains("books5:BTC-USDT-SWAP") && now.contains("books5:BTC-USDT")).then_some(())
    });
    assert!(!live().iter().any(|name| name.starts_with("trades")), "{:?}", live());
    // What can't be reloaded is named, and all stays as it is.
    let v3 = "protocol = \"v3\"\nchannels = [\"spot/depth5:BTC-USDT\"]";
    let entry = reload(v3, "needs a restart");
    assert!(entry["what"].as_str().unwrap().contains("protocol"), "{entry}");
    assert!(live().contains("books5:BTC-USDT-SWAP"));
    reload("channels = [\"books5:ETH-USDT\"]", again);
    becomes(&["books5:ETH-USDT"]);
    let ended = service.signal("TERM");
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
}

#[test]
fn what_the_file_names_and_is_not_there_is_reported_with_its_line() {
    let folder = Folder::new("missing");
    let feed = "[[feed]]\nname = \"a\"\nchannels = [\"books5:BTC-USDT\"]\n";
    for (rest, line, part) in [
        ("login_file = \"/nowhere/key\"", 4, "/nowhere/key"),
        ("login = \"env\"", 4, "OKX_API_KEY"),
        ("ca_file = \"/nowhere/ca.pem\"", 4, "/nowhere/ca.pem"),
        ("[feed.nats]\nurl = \"nats://h\"\ncreds_file = \"/nowhere/c\"", 6, "/nowhere/c"),
        ("[feed.record]\ndir = \"/etc/passwd\"", 5, "is a file"),
        ("[web]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"/nowhere/token\"", 6, "/nowhere/token"),
        ("[web]\nlisten = \"0.0.0.0:0\"", 5, "OKX_FEED_WEB_TOKEN"),
    ] {
        let path = folder.write("f.toml", &format!("{feed}{rest}\n"));
        for args in [&["run", "--config", &path, "--check"][..], &["run", "--config", &path]] {
            let output = Program::start(args).finish();
            let error = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{rest}: {error}");
            assert!(error.contains(&format!("f.toml:{line}: ")) && error.contains(part), "{error}");
        }
    }
    // A short token is refused without being shown.
    let token = folder.write("token", "hunter2\n");
    let rest = format!("[web]\nlisten = \"0.0.0.0:0\"\ntoken_file = \"{token}\"");
    let path = folder.write("f.toml", &format!("{feed}{rest}\n"));
    let output = Program::start(&["run", "--config", &path]).finish();
    assert_eq!(output.status.code(), Some(2));
    assert!(!text(&output.stderr).contains("hunter2"), "{}", text(&output.stderr));
}

#[test]
fn a_service_that_can_not_start_says_why_in_its_log() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new("taken");
    let exchange = Exchange::start();
    let file = format!(
        "[log]\nformat = \"json\"\n[metrics]\nlisten = \"{}\"\n[[feed]]\nname = \"a\"\n\
         url = \"{}\"\nchannels = [\"books5:BTC-USDT\"]\n",
        taken.local_addr().unwrap(),
        exchange.v5
    );
    let path = folder.write("f.toml", &file);
    let output = Program::start(&["run", "--config", &path]).finish();
    assert_eq!(output.status.code(), Some(2));
    let lines = text(&output.stderr).lines();
    let entries: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = entries.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["error"].as_str().unwrap().contains("can't listen on"), "{last}");
}

/// What systemd gets: that it is ready once all is started, that it is alive each second, that it
/// ends.
#[cfg(target_os = "linux")]
#[test]
fn systemd_gets_reports_of_the_start_the_life_and_the_end() {
    let exchange = Exchange::start();
    let folder = Folder::new("systemd");
    let socket = folder.0.join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let file = format!(
        "[[feed]]\nname = \"a\"\nurl = \"{}\"\nchannels = [\"books5:BTC-USDT\"]\n",
        exchange.v5
    );
    let path = folder.write("f.toml", &file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
    command.args(["run", "--config", &path]).env("NO_PROXY", "*").env("NOTIFY_SOCKET", &socket);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let service = Program::from(child);
    let next = || {
        let mut buf = [0; 256];
        let len = manager.recv(&mut buf).unwrap();
        text(&buf[..len]).trim().to_owned()
    };
    assert_eq!(next(), "READY=1");
    assert_eq!((next(), next()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    service.send_signal("TERM");
    wait("the end", || (next() == "STOPPING=1").then_some(()));
    assert_eq!(service.finish().status.code(), Some(0));
}

/// The log entry with a message.
fn wait_for_log(program: &mut Program, message: &str) -> Value {
    loop {
        let line = program.error_line();
        assert!(!line.is_empty(), "the program has ended before: {message}");
        let entry: Value = serde_json::from_str(&line).unwrap();
        if entry["message"].as_str().unwrap().contains(message) {
            return entry;
        }
    }
}

#[test]
fn a_mistake_in_the_file_ends_the_program_with_its_line() {
    let folder = Folder::new("mistake");
    let path = folder.write("f.toml", "[[feed]]\nname = \"a\"\nchannels = [\n\"books5\"]\n");
    let output = Program::start(&["run", "--config", &path]).finish();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("f.toml:4: "), "{}", text(&output.stderr));
    let output = Program::start(&["run", "--config", "/nowhere.toml"]).finish();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_page_on_an_open_address_needs_its_token() {
    let exchange = Exchange::start();
    let folder = Folder::new("token");
    let any = ["--web", "0.0.0.0:0", "books5:BTC-USDT"];
    let refused = crate::watch::watch(&exchange.v5, &any).finish();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("token"), "{}", text(&refused.stderr));
    let file = folder.write("token", "0123456789abcdef-_\n");
    let args = [&["--web-token-file", &file], &any[..]].concat();
    let mut watch = crate::watch::watch(&exchange.v5, &args);
    let port = address(&mut watch, "page on http://0.0.0.0:");
    let addr = format!("127.0.0.1:{port}");
    let header = |name: &str| format!("Host: feed.example\r\n{name}");
    for path in ["/", "/events", "/page.js"] {
        assert_eq!(get(&addr, path, &header("Accept: */*")).0, 401, "{path}");
        let wrong = header("Authorization: Bearer 0123456789abcdef-x");
        assert_eq!(get(&addr, path, &wrong).0, 401, "{path}");
    }
    let right = header("Authorization: Bearer 0123456789abcdef-_");
    let (status, page) = get(&addr, "/", &right);
    assert_eq!(status, 200);
    assert!(page.contains("content-security-policy: default-src 'none';"), "{page}");
    let cookie = header("Cookie: okx_feed_token=0123456789abcdef-_");
    assert_eq!(get(&addr, "/page.js", &cookie).0, 200);
    // Nothing of it is in what the program says.
    assert!(!text(&watch.interrupt().stderr).contains("0123456789abcdef"));
}

#[test]
fn a_page_on_loopback_is_for_this_machine_and_streams_what_is_live() {
    let exchange = Exchange::start();
    let args = ["--json", "--web", "127.0.0.1:0", "books5:BTC-USDT", "trades:BTC-USDT"];
    let mut watch = crate::watch::watch(&exchange.v5, &args);
    let addr = address(&mut watch, "page on http://");
    // Another site's name for this machine.
    assert_eq!(get(&addr, "/", "Host: evil.example").0, 403);
    let stream = TcpStream::connect(&addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = "GET /events?sub=books5%3ABTC-USDT HTTP/1.1\r\nHost: localhost\r\n\r\n";
    (&stream).write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut book = wait("a live book", || {
        let line = lines.next().unwrap().unwrap();
        let tick: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        let book = tick.get("book")?.clone();
        (book["live"] == true).then_some(book)
    });
    // What the same program prints, by other code.
    let (asks, ts) = (book["asks"].take(), book["ts_event"].as_u64().unwrap());
    let same = |event: &Value| {
        let levels = event["asks"].as_array()?.iter();
        let levels: Vec<_> = levels.map(|level| vec![&level[0], &level[1]]).collect();
        let is_same = event["ts_ns"].as_u64()? / 1_000_000 == ts
            && serde_json::to_value(levels).unwrap() == asks;
        is_same.then_some(())
    };
    wait("the same book on standard output", || {
        same(&serde_json::from_str(&watch.line()).unwrap())
    });
    watch.interrupt();
}
