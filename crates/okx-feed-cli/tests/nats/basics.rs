//! The commands, one publisher and its reader.

use std::process::{Command, Stdio};
use std::time::Duration;

use okx_feed_export::nats::{Delivery, NatsServer, NatsSource, SourceOptions};

use super::fleet::Fleet;
use super::log::Logger;
use super::server::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_prints_what_publish_has_published() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut fleet = Fleet::start(&server.url(), 2, 200).await;
    fleet.publish("A").await;
    let url = server.url();
    // Nothing is live before a heartbeat, which comes twice a second: so many events take longer.
    let printed = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_okx-feed"))
            .args(["watch", "--nats", &url, "--json", "--duration", "30s", "--count", "600"])
            .arg("md.okx.v5.*.*")
            .stderr(Stdio::inherit())
            .output()
            .unwrap()
    });
    let printed = printed.await.unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let text = String::from_utf8(printed.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert!(of("book") > 5 && of("depth") > 5 && of("trade") > 1 && of("state") >= 6, "{text}");
    let broken = |event: &&serde_json::Value| event["event"] == "depth" && event["state"] != "live";
    assert_eq!(events.iter().find(broken), None);
    fleet.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publisher_could_not_send_is_said_by_its_exit_code() {
    let Some(mut server) = TestServer::start(&[]) else { return };
    let mut fleet = Fleet::start(&server.url(), 2, 200).await;
    fleet.publish("A").await;
    server.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (code, log) = fleet.interrupt("A");
    assert_eq!(code, Some(1), "{log}");
    let unsent = log.lines().find_map(|line| line.strip_suffix(" not sent"));
    let unsent: u64 = unsent.and_then(|line| line.split(' ').next_back()?.parse().ok()).unwrap();
    assert!(unsent > 0, "{log}");
    fleet.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_leaves_nothing_live() {
    let Some(server) = TestServer::start(&[]) else { return };
    let mut fleet = Fleet::start(&server.url(), 2, 200).await;
    fleet.publish("A").await;
    for delivery in [Delivery::default(), Delivery::Core] {
        let mut options = SourceOptions::new(NatsServer::new(server.url()), ["md.okx.>"]);
        options.delivery = delivery.clone();
        let (log, all) = (Logger::default(), fleet.subscriptions.clone());
        let source = NatsSource::spawn(options, log.clone()).unwrap();
        let is_live = |of| source.state(of).is_some_and(|state| state.is_live());
        fleet.wait("all is live", |_| all.iter().all(is_live)).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        fleet.kill("A").await;
        fleet.wait("nothing is live", |_| !all.iter().any(is_live)).await;
        fleet.publish("A").await;
        fleet.wait("all is live again", |_| all.iter().all(is_live)).await;
        let (log, truth) = (log.0.lock().unwrap(), fleet.truth.0.lock().unwrap());
        let same =
            |(key, book): (&(_, _), &u64)| truth.books.get(key).is_none_or(|own| own == book);
        assert!(!log.books.is_empty() && log.books.iter().all(same), "{delivery:?}");
    }
    fleet.end();
}
