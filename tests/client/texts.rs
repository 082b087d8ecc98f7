//! The texts of messages, as a sink gets them.
#![cfg(all(feature = "client", feature = "sim"))]

use std::sync::{Arc, Mutex, PoisonError};

use okx_feed::sim::{ExchangeConfig, PushIntervals, Server};
use okx_feed::{Client, Dialect, Event, EventSink};
use okx_feed_testkit::wait::wait_for;

/// What a sink was given: the instrument of a book, or a text.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Book(String),
    Text(String),
}

struct Recording(Arc<Mutex<Vec<Given>>>);

impl Recording {
    fn push(&self, given: Given) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(given);
    }
}

impl EventSink for Recording {
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::Book(update) = event {
            self.push(Given::Book(update.topic.inst_id.to_owned()));
        }
    }

    fn on_text(&mut self, text: &[u8]) {
        self.push(Given::Text(String::from_utf8_lossy(text).into_owned()));
    }
}

#[tokio::test]
async fn each_message_is_given_as_inflated_text_after_its_events() {
    let config = ExchangeConfig { intervals: PushIntervals::EVERY_CHANGE, ..Default::default() };
    let server = Server::bind("127.0.0.1:0", config).await.unwrap().spawn();
    let cases = [
        (Dialect::V3, "/ws/v3", "futures/depth5:BTC-USD-190517", "BTC-USD-190517"),
        (Dialect::V5, "/ws/v5/public", "books5:BTC-USDT", "BTC-USDT"),
    ];
    for (dialect, path, channel, inst_id) in cases {
        let given = Arc::new(Mutex::new(Vec::new()));
        let client = Client::builder(dialect)
            .url(format!("ws://{}{path}", server.local_addr()))
            .subscribe(channel)
            .sink(Recording(Arc::clone(&given)))
            .spawn()
            .unwrap();
        wait_for(|| (given.lock().unwrap().len() > 50).then_some(())).await;
        client.stop();
        let given = given.lock().unwrap().clone();
        let Given::Text(first) = &given[0] else { panic!("a book before any text") };
        assert!(first.contains(r#""event":"subscribe""#), "{first}");
        let mut books = 0;
        for pair in given.windows(2) {
            if let Given::Book(id) = &pair[0] {
                let Given::Text(text) = &pair[1] else { panic!("no text after a book: {pair:?}") };
                assert!(text.contains("\"asks\"") && text.contains(inst_id), "{text}");
                assert_eq!(id, inst_id);
                books += 1;
            }
        }
        assert!(books > 10, "{dialect}: {books} books");
    }
    server.shutdown().await;
}
