//! How much memory this process has.

/// The resident memory of this process in bytes; `None` where the system does not say.
pub(super) fn resident() -> Option<u64> {
    // Linux: "VmRSS:     1234 kB". Elsewhere there is no such file.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
