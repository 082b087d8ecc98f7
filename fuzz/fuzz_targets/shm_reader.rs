#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| okx_feed_testkit::targets::shm_reader(bytes));
