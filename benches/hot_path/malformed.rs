//! The cost of malformed traffic: shares of frames that are cut, noisy or wrong inside.

use criterion::Criterion;

use crate::baselines::ours;
use crate::stream::{Stream, deflated, text_of};
use crate::time;

/// Times streams of which none to half are malformed.
pub(crate) fn malformed(c: &mut Criterion) {
    for channel in ["books5:BTC-USDT-SWAP", "swap/depth5:BTC-USDT-SWAP"] {
        let base = Stream::simulated(channel);
        let mut group = c.benchmark_group(format!("malformed/{}", base.name));
        for percent in [0, 1, 10, 50] {
            let stream = damaged(&base, percent);
            let mut ours = ours(stream.dialect, &stream.subscriptions);
            let refused = stream.iter().filter(|(frame, _)| !ours.take(*frame)).count();
            let asked = (0..stream.len()).filter(|n| is_damaged(*n, percent)).count();
            assert_eq!(refused, asked, "every damaged frame is refused, and no other");
            time(&mut group, &format!("{percent} %"), &mut ours, &stream);
        }
    }
}

/// Whether a frame is damaged. Damaged frames are spread over the stream, in no power-of-2 pattern.
fn is_damaged(n: usize, percent: usize) -> bool {
    n * 37 % 100 < percent
}

fn damaged(base: &Stream, percent: usize) -> Stream {
    let mut stream = Stream::new(base.name.clone(), base.dialect);
    stream.subscriptions = base.subscriptions.clone();
    for (n, (frame, place)) in base.iter().enumerate() {
        let mut text = text_of(frame);
        let binary = matches!(frame, okx_feed::Frame::Binary(_));
        if is_damaged(n, percent) {
            damage(&mut text, n);
        }
        let mut bytes = if binary { deflated(&text) } else { text };
        // A quarter of the damaged frames of v3 are no whole DEFLATE stream.
        if binary && is_damaged(n, percent) && n % 4 == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        stream.push_at(&bytes, binary, place);
    }
    stream
}

/// Breaks a text in one of four ways.
fn damage(text: &mut Vec<u8>, n: usize) {
    match n % 4 {
        0 => text.truncate(text.len() * 3 / 4),
        1 => *text.last_mut().unwrap() = b']',
        2 => {
            let digit = text.iter().rposition(u8::is_ascii_digit).unwrap();
            text[digit] = b'x';
        }
        _ => {
            let at = text.windows(4).position(|four| four == b"[[\"8").unwrap();
            text[at + 3] = b'-';
            text[at + 4] = b'-';
        }
    }
}
