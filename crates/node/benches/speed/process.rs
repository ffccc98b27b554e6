//! What processes took, by the kernel.

use std::fs;

/// Ticks of a second in /proc, on every Linux that we know.
const TICKS: f64 = 100.0;

/// Seconds of all cores that these processes took since they began, those of the kernel for them included.
pub(crate) fn cpu_seconds(pids: &[u32]) -> f64 {
    let ticks = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let user: f64 = fields.get(11)?.parse().ok()?;
        let system: f64 = fields.get(12)?.parse().ok()?;
        Some((user + system) / TICKS)
    };
    pids.iter().filter_map(ticks).sum()
}

/// The most memory they had at once, in MiB, if each had it at the same time.
pub(crate) fn memory_peak(pids: &[u32]) -> f64 {
    let peak = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024.0)
    };
    pids.iter().filter_map(peak).sum()
}
