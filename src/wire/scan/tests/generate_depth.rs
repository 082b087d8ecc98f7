//! Messages of order books, in the orders of their fields that are known and in others.

use super::generate::{Make, quoted};

impl Make<'_> {
    pub(super) fn v3_depth(&mut self, market: &str) -> String {
        let channel = self.rng.pick(&["depth", "depth_l2_tbt"]);
        let channel = if self.odd() { "depth5" } else { channel };
        let action = self.action("partial");
        let form = if self.rng.one_in(4) { self.rng.below(8) } else { 7 };
        let arity = if (market == "spot" && channel == "depth") ^ self.odd() { 3 } else { 4 };
        let (asks, bids) = self.deep_sides(arity, form);
        let (id, time, checksum) = (self.id(), self.iso(), self.checksum());
        let mut tail = vec![("timestamp", time)];
        if !self.rng.one_in(6) {
            tail.push(("checksum", checksum));
        }
        let mut fields = vec![("asks", asks), ("bids", bids)];
        if self.rng.one_in(4) {
            tail.insert(0, ("instrument_id", id));
            self.shuffle(&mut tail);
        } else {
            fields.insert(0, ("instrument_id", id));
            if self.rng.one_in(6) {
                self.shuffle(&mut tail);
            }
        }
        fields.extend(tail);
        let item = self.object(fields);
        let data = self.data(item);
        let table = format!("\"{market}/{channel}\"");
        self.object(vec![("table", table), ("action", action), ("data", data)])
    }

    pub(super) fn v5_depth(&mut self) -> String {
        let names = ["books", "books-l2-tbt", "books50-l2-tbt", "books-rpi", "books-elp"];
        let channel = self.rng.pick(&names);
        let channel = if self.odd() { "books5" } else { channel };
        let action = self.action("snapshot");
        let form = if self.odd() { self.rng.below(8) } else { 7 };
        let arity = if self.odd() { 3 } else { 4 };
        let (asks, bids) = self.deep_sides(arity, form);
        let mut tail = vec![("ts", self.millis())];
        if !self.rng.one_in(4) {
            tail.push(("checksum", self.checksum()));
        }
        if self.rng.one_in(2) {
            tail.push(("seqId", self.seq()));
            let first = self.rng.one_in(3);
            tail.push(("prevSeqId", if first { "-1".to_owned() } else { self.seq() }));
        }
        if self.rng.one_in(4) {
            self.shuffle(&mut tail);
        }
        let mut fields = vec![("asks", asks), ("bids", bids)];
        fields.extend(tail);
        let item = self.object(fields);
        let data = self.data(item);
        let arg = vec![("channel", quoted(channel)), ("instId", self.id())];
        let arg = self.object(arg);
        self.object(vec![("arg", arg), ("action", action), ("data", data)])
    }

    fn action(&mut self, snapshot: &'static str) -> String {
        let action = self.rng.pick(&["update", snapshot]);
        quoted(if self.odd() { "insert" } else { action })
    }

    /// Both sides: a few levels mostly, now and then as many as a snapshot has.
    fn deep_sides(&mut self, arity: usize, form: usize) -> (String, String) {
        let mut side = |up| {
            let levels = match self.rng.below(if cfg!(miri) { 100 } else { 200 }) {
                0..=169 => self.rng.below(6),
                170..=198 => self.rng.below(40),
                _ => self.rng.below(401),
            };
            self.levels(up, levels, arity, form)
        };
        (side(true), side(false))
    }

    fn checksum(&mut self) -> String {
        if self.odd() {
            let odd = ["2147483648", "-2147483649", "-0", "00", "1.0", "\"7\"", "", "-", "1e3"];
            return self.rng.pick(&odd).to_owned();
        }
        let most = self.rng.pick(&[1, 2, 10, 1 << 31]);
        let number = i64::try_from(self.rng.below(most)).unwrap();
        let sign = if self.rng.one_in(2) { -1 } else { 1 };
        (number * sign).to_string()
    }

    fn shuffle<T>(&mut self, fields: &mut [T]) {
        for last in (1..fields.len()).rev() {
            fields.swap(last, self.rng.below(last + 1));
        }
    }
}
