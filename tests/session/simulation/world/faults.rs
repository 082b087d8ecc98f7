//! The faults of a run, and their times.

use std::time::Duration;

use okx_feed::sim::FaultRule;
use okx_feed::{Dialect, MonoNanos};

use super::{FAULTS, NEVER, World, channels};
use crate::simulation::client::Transport;
use crate::simulation::rules;

impl World {
    /// Injects a fault, mostly on one connection.
    pub(super) fn fault(&mut self) {
        let pause = Duration::from_millis(self.random.u64(50..2500));
        self.next_fault = self.now + pause;
        if self.now.since(MonoNanos::ZERO) > FAULTS {
            self.next_fault = NEVER;
            // A rule that waits for rare messages would go on; it ends with its connection.
            for victim in 0..self.clients.len() {
                if self.lingers[victim] {
                    self.inject(victim, "drop");
                }
            }
            return;
        }
        match self.random.u8(..40) {
            0 | 1 => return self.restart(),
            2..=4 => return self.disturb_host(),
            5..=9 if self.is_sbe() => return self.change_decimals(),
            _ => {}
        }
        let victim = self.random.usize(..self.clients.len());
        self.clients[victim].latency = Duration::from_millis(self.random.u64(..40));
        if self.random.u8(..6) == 0 {
            self.lingers[victim] = true;
            let rule = self.plain_rule();
            return self.inject(victim, &rule);
        }
        for rule in rules::pick(&mut self.random, self.config.dialect, channels(&self.config)) {
            // See `plain_rule`. The numbers of v5's order books show which update is older; v3's
            // have none, and an update that sets a level that the next one sets too is right alone.
            let undecided = self.clock_jumps && self.config.dialect == Dialect::V3;
            if !(undecided && rule.starts_with("reorder")) {
                self.inject(victim, &rule);
            }
        }
    }

    /// The clients' machine has its wall clock set, is stopped, or sleeps.
    pub(super) fn disturb_host(&mut self) {
        let span = Duration::from_millis(self.random.u64(100..8_000));
        match self.random.u8(..4) {
            0 => self.host.stop(span, self.now),
            1 => self.host.sleep(span, self.now),
            _ => {
                let by = self.random.i64(-7_200_000..7_200_000);
                self.trace(|| format!("the wall clock is set by {by} ms"));
                self.tally.jumps += 1;
                return self.host.step(by * 1_000_000);
            }
        }
        self.trace(|| format!("the machine sleeps or is stopped for {span:?}"));
        self.tally.stops += 1;
    }

    pub(super) fn inject(&mut self, victim: usize, rule: &str) {
        if let Transport::Open(id) = self.clients[victim].transport {
            self.trace(|| format!("{rule} happens to {victim}"));
            let rule: FaultRule = rule.parse().unwrap();
            self.exchange.inject(id, &rule, self.now);
            self.tally.faults += 1;
        }
    }

    /// The exponents of an instrument's prices in SBE change.
    pub(super) fn change_decimals(&mut self) {
        let insts: Vec<_> = self.exchange.market().indices().collect();
        let inst = insts[self.random.usize(..insts.len())];
        let more = self.random.u8(..3);
        self.trace(|| format!("prices have {more} decimals more than the tick"));
        self.tally.exponents += 1;
        self.exchange.change_decimals(inst, more, self.now);
    }

    /// A fault of whole books and trades.
    pub(super) fn plain_rule(&mut self) -> String {
        let whole: &[_] = match self.config.dialect {
            Dialect::V3 => &["depth5", "trade"],
            Dialect::V5 if self.is_sbe() => &["bbo-tbt", "trades"],
            Dialect::V5 => &["books5", "bbo-tbt", "trades"],
        };
        let channel = whole[self.random.usize(..whole.len())];
        // Nothing shows that a whole book was lost, but a lost trade may come on another line. TCP
        // does not reorder.
        // SBE's best levels may lack updates, differently on each connection.
        let may_lack = channel.starts_with("trade") || self.is_sbe();
        let lost = if may_lack { "gap" } else { "repeat" };
        let kind = ["repeat", "snapshot", lost][self.random.usize(..3)];
        let times = ["", ",p=0.5,times=6"][self.random.usize(..2)];
        format!("{kind}:channel={channel}{times}")
    }

    /// The exchange restarts: all connections end, and its numbers may be reset.
    pub(super) fn restart(&mut self) {
        self.tally.restarts += 1;
        for victim in 0..self.clients.len() {
            let rule = ["drop", "rst", "close:code=4006"][self.random.usize(..3)];
            self.inject(victim, rule);
        }
        let market = self.exchange.market();
        for inst in market.indices().collect::<Vec<_>>() {
            if self.random.bool() {
                self.exchange.reset_seq(inst, self.now);
            }
        }
        // Otherwise the next version might have the number of the last one.
        self.record();
    }
}

/// In some runs the exchange's clock steps, perhaps back again, and its numbers are reset.
pub(super) fn clock_faults(random: &mut fastrand::Rng) -> String {
    let mut at = || Duration::from_millis(random.u64(..12_000)).as_millis();
    let (clock, seq) = (at(), at());
    // Less than the age limit. By a larger step one message from before it would make all later
    // ones old.
    let by = random.u64(1..4_500);
    match random.u8(..8) {
        0 => format!("clock:at={clock}ms,by=-{by}ms"),
        1 => format!("clock:at={clock}ms,by={by}ms,for=3s;resetseq:at={seq}ms"),
        2 => format!("clock:at={clock}ms,by=-{by}ms;resetseq:at={clock}ms"),
        _ => String::new(),
    }
}
