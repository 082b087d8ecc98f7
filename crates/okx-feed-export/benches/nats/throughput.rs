//! Messages as fast as possible.

use std::time::Instant;

use async_nats::Subject;
use okx_feed::Book5;
use okx_feed_export::nats::HEADER;

use crate::raw;
use crate::setup::{
    Feed, MAIN, MANY, Receiver, ServerProcess, book, connect, cpu_time, cpu_time_of, payload,
    topic, use_stream,
};

/// How often each sender sends a block, in turn.
const ROUNDS: usize = 5;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    OkxFeed,
    /// Payloads that were made before.
    Plain,
    /// Payloads that are made as they are sent, as those of okx-feed are.
    PlainFromBooks,
    /// Payloads that were made before, with the header that okx-feed sends.
    PlainWithHeader,
    /// The bytes that plain NATS sends, made before: what the server and the receiver take.
    Bytes,
    /// The same, with the header that okx-feed sends.
    BytesWithHeader,
}

/// What a block took.
struct Round {
    /// Messages a second.
    rate: f64,
    /// The CPU time of the sender, the server and the receiver for a message, in nanoseconds.
    cpu: [f64; 3],
}

/// Blocks of all senders in turn, so that what else the machine does meets each of them.
pub(crate) fn throughput(server: &ServerProcess, stream: bool) {
    let url = server.url.as_str();
    use_stream(url, stream);
    let (start, process) = (Instant::now(), server.id());
    let name = if stream { "JetStream" } else { "core" };
    let mut senders =
        vec![Sender::Plain, Sender::OkxFeed, Sender::PlainFromBooks, Sender::PlainWithHeader];
    if !stream {
        senders.extend([Sender::Bytes, Sender::BytesWithHeader]);
    }
    let mut rows: Vec<_> = senders.iter().map(|_| Vec::new()).collect();
    let many = i64::try_from(MANY).unwrap();
    let mut first = 1_000_000;
    for _ in 0..ROUNDS {
        for (sender, rounds) in senders.iter().zip(&mut rows) {
            let receiver = Receiver::start(url, stream, start);
            let books: Vec<_> = (0..many).map(|n| book(first + n)).collect();
            first += many;
            let cpu = || [cpu_time_of(&process, &[""]), cpu_time(&["receiver"])];
            let before = cpu();
            let (secs, own) = match sender {
                Sender::OkxFeed => send_books(url, stream, &books, &receiver),
                Sender::Bytes | Sender::BytesWithHeader => {
                    let with_header = *sender == Sender::BytesWithHeader;
                    send_bytes(url, &raw::messages(&books, with_header), &receiver)
                }
                _ => send_plain(url, stream, (&books, *sender), &receiver),
            };
            let [of_server, of_receiver] = cpu();
            let cpu = [own, of_server - before[0], of_receiver - before[1]];
            let cpu = cpu.map(|nanos| nanos as f64 / MANY as f64);
            rounds.push(Round { rate: MANY as f64 / secs, cpu });
        }
    }
    for (sender, of) in senders.iter().zip(&rows) {
        print_row(name, *sender, of, &rows[0]);
    }
}

/// The median of the rounds, and of their parts of what plain NATS did in the same round.
fn print_row(name: &str, sender: Sender, rounds: &[Round], plain: &[Round]) {
    let median = |value: &dyn Fn(&Round, &Round) -> f64| {
        let mut values: Vec<_> =
            rounds.iter().zip(plain).map(|(of, plain)| value(of, plain)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rate = median(&|of, _| of.rate);
    let part = median(&|of, plain| 100.0 * of.rate / plain.rate);
    let [sender_ns, server_ns, receiver_ns] = [0, 1, 2].map(|at| median(&|of, _| of.cpu[at]));
    let sender = format!("{sender:?}");
    println!("throughput  {name:9} {sender:15} {rate:8.0} messages/s, {part:3.0} % of plain NATS");
    println!(
        "    CPU: sender {sender_ns:5.0} ns, server {server_ns:5.0}, receiver {receiver_ns:5.0}"
    );
}

fn send_bytes(url: &str, messages: &[u8], receiver: &Receiver) -> (f64, u64) {
    let (began, cpu) = (Instant::now(), cpu_time(&[MAIN]));
    let _open = raw::send(url, messages);
    receiver.wait_for(MANY);
    (began.elapsed().as_secs_f64(), cpu_time(&[MAIN]) - cpu)
}

/// Sends books by the exporter. Gives the seconds and the CPU time.
fn send_books(url: &str, stream: bool, books: &[Book5], receiver: &Receiver) -> (f64, u64) {
    let mut feed = Feed::start(url, stream, "many");
    let of = topic(2);
    let (began, cpu) = (Instant::now(), cpu_time(&[MAIN, "okx-nats"]));
    for (number, book) in books.iter().enumerate() {
        if number % 256 == 0 {
            feed.keep_room();
        }
        feed.push(0, &of, book);
    }
    receiver.wait_for(MANY);
    (began.elapsed().as_secs_f64(), cpu_time(&[MAIN, "okx-nats"]) - cpu)
}

/// Sends the payloads of books, as who writes such a program would.
fn send_plain(
    url: &str,
    stream: bool,
    (books, sender): (&[Book5], Sender),
    receiver: &Receiver,
) -> (f64, u64) {
    let of = topic(3);
    let made_before = if sender == Sender::PlainFromBooks { &[][..] } else { books };
    let made: Vec<_> = made_before.iter().map(|book| payload(&of, book)).collect();
    let mut made = made.into_iter();
    let (runtime, client) = connect(url, "sender");
    let entered = runtime.enter();
    let jetstream = async_nats::jetstream::new(client.clone());
    drop(entered);
    let (began, cpu) = (Instant::now(), cpu_time(&[MAIN, "sender"]));
    let subject = Subject::from_static("md.okx.v5.books5.COIN3-USDT");
    runtime.block_on(async {
        let mut acks = std::collections::VecDeque::new();
        for book in books {
            let payload = made.next().unwrap_or_else(|| payload(&of, book));
            let mut headers = async_nats::HeaderMap::new();
            if sender == Sender::PlainWithHeader {
                headers.insert(HEADER, raw::head(book, !stream));
                if stream {
                    let id = format!("v5.books5.COIN3-USDT:b{}.{}", book.seq, book.ts_event.0);
                    headers.insert("Nats-Msg-Id", id);
                }
            }
            if stream {
                let sent = jetstream.publish_with_headers(subject.clone(), headers, payload);
                acks.push_back(sent.await.unwrap());
                if acks.len() >= 4_096 {
                    acks.pop_front().unwrap().await.unwrap();
                }
            } else if sender == Sender::PlainWithHeader {
                client.publish_with_headers(subject.clone(), headers, payload).await.unwrap();
            } else {
                client.publish(subject.clone(), payload).await.unwrap();
            }
        }
        client.flush().await.unwrap();
    });
    receiver.wait_for(MANY);
    (began.elapsed().as_secs_f64(), cpu_time(&[MAIN, "sender"]) - cpu)
}
