//! Null, closed, foreign and misaligned arguments, wrong threads and panics.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut, without_provenance_mut};

use super::{c, last_error};
use crate::abi::capture::*;
use crate::abi::client::*;
use crate::abi::decoder::*;
use crate::abi::events::*;
use crate::abi::feed::*;
use crate::abi::numbers::*;
use crate::abi::options::*;
use crate::abi::reader::*;
use crate::abi::replay::*;
use crate::handles::{Exclusive, open, with};
use crate::status::{Failure, Outcome, Status, guard};
use crate::types::*;

fn new_feed() -> *mut Feed {
    let mut feed = null_mut();
    // SAFETY: here and below, what is passed is null, wrong as the library must find out, or a
    // value of the test.
    assert_eq!(unsafe { okx_feed_new(5, None, null_mut(), &mut feed) }, Status::Ok);
    feed
}

/// Calls everything that takes a handle with the same number.
fn all_with(number: usize) -> Vec<Status> {
    let name = c("books5:BTC-USDT");
    let (mut size, mut wide, mut state) = (0, 0, State::Live);
    let mut number32 = 0;
    // SAFETY: as above.
    unsafe {
        let mut book: BookView = std::mem::zeroed();
        let mut depth: DepthView = std::mem::zeroed();
        let mut record = Box::new(std::mem::zeroed::<RecordView>());
        let mut health: Health = std::mem::zeroed();
        let mut event = Event::new(EventKind::Book);
        let mut stats = Stats::default();
        let mut counts: ReplayCounts = std::mem::zeroed();
        let mut entry: Entry = Entry::from(&okx_feed::capture::Entry {
            ts_recv: okx_feed::UnixNanos(0),
            connection: okx_feed::capture::ConnectionLabel::default(),
            kind: okx_feed::capture::EntryKind::Unknown,
        });
        let mut reader = null_mut();
        let mut client = null_mut();
        let mut events = null_mut();
        let options = without_provenance_mut(number);
        let of_client = without_provenance_mut(number);
        let of_feed = without_provenance_mut(number);
        let of_reader = without_provenance_mut(number);
        let of_replay = without_provenance_mut(number);
        vec![
            okx_options_subscribe(options, name),
            okx_options_url(options, name),
            okx_options_region(options, 0),
            okx_options_demo(options),
            okx_options_ca_file(options, name),
            okx_options_login(options, name, name, name),
            okx_options_redundancy(options, 2),
            okx_options_busy_poll(options),
            okx_options_core(options, 0),
            okx_options_proxy(options, name),
            okx_options_record(options, name),
            okx_options_on_event(options, Some(ignore), null_mut()),
            okx_client_start(options, &mut client),
            okx_options_close(options),
            okx_client_subscribe(of_client, name),
            okx_client_unsubscribe(of_client, name),
            okx_client_reader(of_client, name, &mut reader),
            okx_client_state(of_client, name, &mut state),
            okx_client_subscription(of_client, name, &mut number32),
            okx_client_health(of_client, &mut health),
            okx_client_stats(of_client, &mut stats, size_of::<Stats>()),
            okx_client_events(of_client, 8, &mut events),
            okx_client_stop(of_client),
            okx_events_next(without_provenance_mut(number), 0, &mut event, size_of::<Event>()),
            okx_events_close(without_provenance_mut(number)),
            okx_reader_book(of_reader, &mut book),
            okx_reader_depth(of_reader, &mut depth),
            okx_reader_trades(of_reader, 0, null_mut(), 0, &mut size, &mut wide),
            okx_reader_record(of_reader, &mut *record),
            okx_reader_records(of_reader, 0, &mut *record),
            okx_reader_state(of_reader, &mut state),
            okx_reader_version(of_reader, &mut wide),
            okx_reader_close(of_reader),
            okx_feed_subscribe(of_feed, name),
            okx_feed_unsubscribe(of_feed, name, 1),
            okx_feed_request(of_feed, name, true, 1, null_mut(), 0, &mut size),
            okx_feed_on_frame(of_feed, 1, c"{}".as_ptr().cast(), 2, 1),
            okx_feed_set_states(of_feed, 0, 1),
            okx_feed_reader(of_feed, name, &mut reader),
            okx_feed_depth(
                of_feed,
                name,
                null_mut(),
                0,
                &mut size,
                null_mut(),
                0,
                &mut 0,
                &mut state,
            ),
            okx_feed_stats(of_feed, &mut stats, size_of::<Stats>()),
            okx_feed_close(of_feed),
            okx_decoder_decode(without_provenance_mut(number), 1, null(), 0, 1),
            okx_decoder_close(without_provenance_mut(number)),
            okx_capture_next(without_provenance_mut(number), &mut entry),
            okx_capture_close(without_provenance_mut(number)),
            okx_replay_step(of_replay),
            okx_replay_run(of_replay),
            okx_replay_reader(of_replay, name, &mut reader),
            okx_replay_report(of_replay, &mut counts, size_of::<ReplayCounts>()),
            okx_replay_close(of_replay),
        ]
    }
}

unsafe extern "C" fn ignore(_: *const Event, _: *mut c_void) {}

#[test]
fn a_null_handle_is_a_status() {
    assert!(all_with(0).into_iter().all(|status| status == Status::Null));
    assert!(last_error().contains("NULL"));
}

#[test]
fn what_is_no_handle_is_a_status() {
    // Small numbers, an address, and numbers that were not given yet.
    let address = (&raw const *Box::new(7_u64)).addr();
    for number in [1, 0x1000, address, usize::MAX, usize::MAX - 1] {
        assert!(all_with(number).into_iter().all(|status| status == Status::Handle), "{number:#x}");
    }
    assert!(last_error().contains("no open handle"));
}

#[test]
fn a_closed_handle_is_a_status_in_every_function_and_thread() {
    let feed = new_feed();
    let number = feed.addr();
    let (send, receive) = std::sync::mpsc::channel();
    let (answer, answered) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        // The handle is known to this thread before it is closed by the other one.
        for _ in receive {
            let feed = without_provenance_mut(number);
            // SAFETY: as above.
            let status = unsafe { okx_feed_set_states(feed, 0, 1) };
            answer.send(status).unwrap();
        }
    });
    send.send(()).unwrap();
    assert_eq!(answered.recv().unwrap(), Status::Ok);
    // SAFETY: as above.
    assert_eq!(unsafe { okx_feed_close(feed) }, Status::Ok);
    assert!(all_with(number).into_iter().all(|status| status == Status::Handle));
    send.send(()).unwrap();
    assert_eq!(answered.recv().unwrap(), Status::Handle);
    drop(send);
    other.join().unwrap();
}

#[test]
fn a_handle_of_another_kind_is_a_status() {
    let mut options = null_mut();
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_options_new(5, &mut options), Status::Ok);
        let number = options.addr();
        assert_eq!(okx_feed_close(without_provenance_mut(number)), Status::Handle);
        assert_eq!(okx_reader_close(without_provenance_mut(number)), Status::Handle);
        assert_eq!(okx_client_stop(without_provenance_mut(number)), Status::Handle);
        assert_eq!(okx_options_close(options), Status::Ok);
    }
}

#[test]
fn null_and_misaligned_results_are_refused_before_anything_is_done() {
    let feed = new_feed();
    let name = c("books5:BTC-USDT");
    let mut reader = null_mut();
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_feed_new(5, None, null_mut(), null_mut()), Status::Null);
        assert_eq!(okx_options_new(5, null_mut()), Status::Null);
        assert_eq!(okx_decoder_new(5, None, null_mut(), null_mut()), Status::Null);
        assert_eq!(okx_capture_open(name, null_mut()), Status::Null);
        assert_eq!(okx_feed_subscribe(feed, name), Status::Ok);
        assert_eq!(okx_feed_reader(feed, name, null_mut()), Status::Null);
        assert_eq!(okx_feed_reader(feed, name, &mut reader), Status::Ok);
        assert_eq!(okx_reader_book(reader, null_mut()), Status::Null);
        let odd = without_provenance_mut::<BookView>(1);
        assert_eq!(okx_reader_book(reader, odd), Status::Argument);
        assert_eq!(okx_reader_state(reader, null_mut()), Status::Null);
        assert_eq!(okx_feed_on_frame(feed, 1, null(), 5, 1), Status::Null);
        assert_eq!(okx_feed_stats(feed, null_mut(), 8), Status::Null);
        assert_eq!(okx_reader_close(reader), Status::Ok);
        assert_eq!(okx_feed_close(feed), Status::Ok);
    }
}

#[test]
fn bad_texts_are_refused() {
    let feed = new_feed();
    let long = "x".repeat(5_000);
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_feed_subscribe(feed, null()), Status::Null);
        assert_eq!(okx_feed_subscribe(feed, c"\xff\xfe".as_ptr()), Status::Text);
        for text in ["", "nothing", "books5:", "books5", "futures/depth5:A", &long] {
            assert_eq!(okx_feed_subscribe(feed, c(text)), Status::Text, "{text}");
        }
        assert!(last_error().contains("4095"));
        let (mut mantissa, mut scale) = (0, 0);
        assert_eq!(okx_decimal_parse(c("1e5x"), &mut mantissa, &mut scale), Status::Text);
        assert_eq!(okx_capture_open(c("/no/such/file"), &mut null_mut()), Status::Io);
        assert!(last_error().contains("/no/such/file"));
        assert_eq!(okx_feed_close(feed), Status::Ok);
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    // SAFETY: as above.
    unsafe {
        let feed = new_feed();
        assert_eq!(okx_feed_new(4, None, null_mut(), &mut null_mut()), Status::Argument);
        assert_eq!(okx_feed_on_frame(feed, 7, c"x".as_ptr().cast(), 1, 1), Status::Argument);
        assert_eq!(okx_feed_set_states(feed, 8, 1), Status::Argument);
        assert_eq!(okx_decimal_double(1, 200, &mut 0.0), Status::Argument);
        assert_eq!(okx_feed_close(feed), Status::Ok);
        let mut options = null_mut();
        assert_eq!(okx_options_new(5, &mut options), Status::Ok);
        assert_eq!(okx_options_redundancy(options, 0), Status::Argument);
        assert_eq!(okx_options_region(options, -1), Status::Argument);
        assert_eq!(okx_options_on_event(options, None, null_mut()), Status::Null);
        // Nothing was subscribed, and the options are gone.
        assert_eq!(okx_client_start(options, &mut null_mut()), Status::Io);
        assert_eq!(okx_options_close(options), Status::Handle);
    }
}

#[test]
fn a_buffer_that_is_too_short_says_how_long_it_must_be() {
    let mut buffer = [0; 9];
    let mut len = 0;
    // SAFETY: as above.
    unsafe {
        let mut write =
            |capacity| okx_decimal_text(8_409_080, 2, buffer.as_mut_ptr(), capacity, &mut len);
        assert_eq!(write(8), Status::Buffer);
        assert_eq!(last_error(), "9 bytes are needed");
        assert_eq!(write(9), Status::Ok);
        assert_eq!(okx_decimal_text(1, 0, null_mut(), 0, null_mut()), Status::Buffer);
        assert_eq!(okx_decimal_text(1, 0, null_mut(), 5, null_mut()), Status::Null);
    }
    let text: Vec<u8> = buffer.iter().map(|c: &c_char| c.cast_unsigned()).collect();
    assert_eq!((len, text.as_slice()), (8, &b"84090.80\0"[..]));
}

/// Calls the feed that calls it, and closes it.
unsafe extern "C" fn again(_: *const Event, user: *mut c_void) {
    // SAFETY: the user's pointer is that of the test.
    let (feed, seen) = unsafe { &mut *user.cast::<(*mut Feed, Vec<Status>)>() };
    // SAFETY: as above.
    unsafe {
        seen.push(okx_feed_set_states(*feed, 0, 1));
        seen.push(okx_feed_close(*feed));
    }
}

#[test]
fn a_callback_that_uses_its_own_feed_gets_a_status() {
    let mut shared: (*mut Feed, Vec<Status>) = (null_mut(), Vec::new());
    let mut feed = null_mut();
    // SAFETY: as above.
    unsafe {
        let user = (&raw mut shared).cast();
        assert_eq!(okx_feed_new(5, Some(again), user, &mut feed), Status::Ok);
        shared.0 = feed;
        assert_eq!(okx_feed_subscribe(feed, c("books5:BTC-USDT")), Status::Ok);
        assert_eq!(okx_feed_set_states(feed, 2, 1), Status::Ok);
        assert_eq!(okx_feed_close(feed), Status::Ok);
    }
    assert_eq!(shared.1, [Status::Thread, Status::Thread]);
}

/// A client that reaches no exchange, and a queue of its events.
fn unconnected() -> (*mut Client, *mut Events) {
    let (mut options, mut client, mut events) = (null_mut(), null_mut(), null_mut());
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_options_new(5, &mut options), Status::Ok);
        assert_eq!(okx_options_subscribe(options, c("books5:BTC-USDT")), Status::Ok);
        assert_eq!(okx_options_url(options, c("ws://127.0.0.1:1/ws/v5/public")), Status::Ok);
        assert_eq!(okx_options_proxy(options, c("")), Status::Ok);
        assert_eq!(okx_client_start(options, &mut client), Status::Ok);
        assert_eq!(okx_client_events(client, 8, &mut events), Status::Ok);
    }
    (client, events)
}

#[test]
fn on_a_clients_thread_no_call_waits_for_any_client() {
    let (client, events) = unconnected();
    let (of_client, of_events) = (client.addr(), events.addr());
    let on_client_thread = move || {
        // As a callback of another client is called: the two could wait for each other.
        crate::wait::mark_client_thread();
        let (client, events) =
            (without_provenance_mut(of_client), without_provenance_mut(of_events));
        let (mut stats, mut state) = (Stats::default(), State::Live);
        let mut event = Event::new(EventKind::Book);
        // SAFETY: as above.
        unsafe {
            let refused = [
                okx_client_stop(client),
                okx_client_stats(client, &mut stats, size_of::<Stats>()),
                okx_client_subscribe(client, c("trades:BTC-USDT")),
                okx_events_next(events, u32::MAX, &mut event, size_of::<Event>()),
            ];
            let done = [
                okx_client_unsubscribe(client, c("trades:BTC-USDT")),
                okx_client_state(client, c("books5:BTC-USDT"), &mut state),
            ];
            let polled = okx_events_next(events, 0, &mut event, size_of::<Event>());
            (refused, done, polled)
        }
    };
    let (refused, done, polled) = std::thread::spawn(on_client_thread).join().unwrap();
    assert_eq!(refused, [Status::Thread; 4]);
    assert_eq!(done, [Status::Ok; 2]);
    assert!(matches!(polled, Status::Empty | Status::Ok), "{polled:?}");
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_client_subscribe(client, c("trades:BTC-USDT")), Status::Ok);
        assert_eq!(okx_client_stop(client), Status::Ok);
        assert_eq!(okx_events_close(events), Status::Ok);
    }
}

#[test]
fn another_thread_that_uses_a_feed_meanwhile_gets_a_status() {
    let feed = new_feed();
    let number = feed.addr();
    let other = with(feed.cast_const(), |handler| {
        handler.with(|_| {
            let call = move || {
                // SAFETY: as above.
                unsafe { okx_feed_set_states(without_provenance_mut(number), 0, 1) }
            };
            Ok(std::thread::spawn(call).join().unwrap())
        })
    });
    assert_eq!(other.unwrap(), Status::Thread);
    // SAFETY: as above.
    assert_eq!(unsafe { okx_feed_close(feed) }, Status::Ok);
}

#[test]
fn a_panic_becomes_a_status_and_the_handle_can_only_be_closed() {
    let feed = new_feed();
    let broken = guard(|| {
        with(feed.cast_const(), |handler| handler.with(|_| -> Outcome { panic!("a fault") }))
    });
    assert_eq!(broken, Status::Panic);
    assert!(last_error().contains("fault"));
    // SAFETY: as above.
    unsafe {
        assert_eq!(okx_feed_set_states(feed, 0, 1), Status::Panic);
        assert_eq!(okx_feed_close(feed), Status::Ok);
        assert_eq!(okx_feed_close(feed), Status::Handle);
    }
}

#[test]
fn a_long_reason_is_cut_and_null_bytes_are_not_passed_on() {
    let status = guard(|| Err(Failure::new(Status::Io, format_args!("a\0{}", "é".repeat(400)))));
    assert_eq!(status, Status::Io);
    let text = last_error();
    assert!(text.starts_with("a é") && text.ends_with('é') && text.len() <= 511);
}

struct Counted;

impl crate::handles::Handle for Counted {
    type Object = Exclusive<u64>;
    const NAME: &'static str = "a count";
}

#[test]
fn many_handles_keep_their_objects_when_their_places_collide() {
    let handles: Vec<_> = (0..1_000).map(|n| open::<Counted>(Exclusive::new(n))).collect();
    for _ in 0..2 {
        for (n, handle) in handles.iter().enumerate() {
            let seen = with(handle.cast_const(), |count| count.with(|count| Ok(*count)));
            assert_eq!(seen.unwrap(), n as u64);
        }
    }
    for handle in &handles {
        assert!(crate::handles::close(handle.cast_const(), Exclusive::end).is_ok());
        assert!(with(handle.cast_const(), |_| Ok(())).is_err());
    }
}
