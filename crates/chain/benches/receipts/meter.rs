//! What the kernel says of this process.

use std::{fs, path::Path, time::Instant};

/// Seconds that this process has computed, in steps of a hundredth.
pub(crate) fn process_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("the kernel tells of this process");
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields.skip(11).take(2).map(|field| field.parse::<f64>());
    ticks.flatten().sum::<f64>() / 100.0
}

/// Bytes of memory this process has in use.
pub(crate) fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells of memory");
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.expect("VmRSS is a number") * 1024
}

/// Bytes on disk of what a directory holds.
pub(crate) fn disk(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

/// Wall clock and processor time from one moment on.
pub(crate) struct Span {
    since: Instant,
    computed: f64,
}

impl Span {
    pub(crate) fn start() -> Self {
        Self {
            computed: process_seconds(),
            since: Instant::now(),
        }
    }

    /// Seconds on the wall, and seconds computed.
    pub(crate) fn end(&self) -> (f64, f64) {
        (
            self.since.elapsed().as_secs_f64(),
            process_seconds() - self.computed,
        )
    }
}

/// The value below which so many per mille are.
pub(crate) fn quantile(values: &mut [f64], per_mille: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get(last * per_mille / 1000)
        .copied()
        .unwrap_or(f64::NAN)
}
