//! The client of this crate, which busy-polls.

use std::sync::mpsc;
use std::time::Instant;

use okx_feed::client::TransportKind;
use okx_feed::transport::Proxy;
use okx_feed::{Client, Event};

use crate::run::{Case, Outcome, Recorder};

pub(crate) fn direct(case: &Case) -> Outcome {
    run(case, TransportKind::Direct)
}

pub(crate) fn tokio(case: &Case) -> Outcome {
    run(case, TransportKind::Tokio)
}

fn run(case: &Case, transport: TransportKind) -> Outcome {
    let start = Instant::now();
    let sender = case.serve(start);
    let (done, outcome) = mpsc::channel();
    let mut recorder = Recorder::new(case, start, &sender, done);
    let mut client = Client::builder(case.dialect)
        .url(case.url(&sender))
        .proxy(Proxy::Direct)
        .busy_poll()
        .subscriptions([case.subscription()])
        .configure(|config| {
            config.transport = transport;
            // The times of the frames are those of their generation.
            config.age_limit = None;
        });
    if let Some(tls) = &case.tls {
        client = client.ca_file(&tls.ca_file);
    }
    let client = client.on_event(move |event: &Event<'_>| {
        if let Event::Book(_) = event {
            recorder.note();
        }
    });
    let client = client.spawn().unwrap();
    let mut outcome = outcome.recv().unwrap();
    outcome.kernel = Some(client.stats().unwrap().kernel_latency);
    client.stop();
    sender.join().unwrap();
    outcome
}
