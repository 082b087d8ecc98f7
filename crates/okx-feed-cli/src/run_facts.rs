//! The circumstances of a measurement: program, machine and date.

use std::fmt;

use serde_json::{Value, json};

use okx_feed::transport::Clock;

/// The program, the machine and the date of a measurement. A fact that the system does not report
/// is `None`.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts {
    version: &'static str,
    /// The commit that the program was built from, `None` if it was built without optimisation
    /// or not from a repository.
    commit: Option<&'static str>,
    optimised: bool,
    cpu: Option<String>,
    cores: usize,
    kernel: Option<String>,
    /// In UTC.
    date: String,
}

impl RunFacts {
    /// The facts of this program, this machine and the current time.
    pub(crate) fn collect() -> Self {
        let read = |path| std::fs::read_to_string(path).ok();
        let system = read("/proc/sys/kernel/ostype").zip(read("/proc/sys/kernel/osrelease"));
        let kernel = system.map(|(name, release)| format!("{} {}", name.trim(), release.trim()));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("OKX_FEED_COMMIT").filter(|commit| !commit.is_empty()),
            optimised: !cfg!(debug_assertions),
            cpu: read("/proc/cpuinfo").as_deref().and_then(cpu_model),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel,
            date: Clock::start().system().iso_ms().to_string(),
        }
    }

    /// The same as a JSON object.
    pub(crate) fn json(&self) -> Value {
        let Self { version, commit, optimised, cpu, cores, kernel, date } = self;
        json!({
            "version": version, "commit": commit, "optimised": optimised, "cpu": cpu,
            "cores": cores, "kernel": kernel, "date": date,
        })
    }
}

/// The processor's name in `/proc/cpuinfo`.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// One line.
impl fmt::Display for RunFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "okx-feed {}", self.version)?;
        match self.commit {
            Some(commit) => write!(f, " (commit {commit})")?,
            None if !self.optimised => f.write_str(" (built without optimisation)")?,
            None => f.write_str(" (commit not known)")?,
        }
        let unknown = || "processor not known";
        write!(f, ", {}", self.cpu.as_deref().unwrap_or_else(unknown))?;
        write!(f, ", {} cores", self.cores)?;
        if let Some(kernel) = &self.kernel {
            write!(f, ", {kernel}")?;
        }
        write!(f, ", {}", self.date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_as_linux_names_it() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\ncpu MHz\t\t: 2600.0\n";
        assert_eq!(cpu_model(cpuinfo).as_deref(), Some("AMD EPYC 9R14"));
        assert_eq!(cpu_model("processor : 0\n"), None);
    }

    #[test]
    fn the_line_and_the_object_name_the_same() {
        let facts = RunFacts::collect();
        let (line, object) = (facts.to_string(), facts.json());
        for name in ["version", "cpu", "kernel", "date"] {
            if let Some(text) = object[name].as_str() {
                assert!(line.contains(text), "{name}: {line}");
            }
        }
        assert!(line.contains(env!("CARGO_PKG_VERSION")));
    }
}
