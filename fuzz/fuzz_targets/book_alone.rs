#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| okx_feed_fuzz::trust::targets::book_alone(bytes));
