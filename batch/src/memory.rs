//! How much memory there is, and how much was used (Linux's procfs and control groups).

use std::fs;

/// What this process may use, in bytes: the control group's limit, or else what the machine has available. None where
/// neither can be read.
pub fn available_bytes() -> Option<u64> {
    let machine = field("/proc/meminfo", "MemAvailable:");
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// What a command may use, in bytes: so many mebibytes, or else 80 % of what is available.
pub fn allowed_bytes(mebibytes: Option<u64>) -> u64 {
    const SHARE: f64 = 0.8;
    mebibytes.map_or_else(
        || available_bytes().map_or(u64::MAX, |bytes| (bytes as f64 * SHARE) as u64),
        |mebibytes| mebibytes << 20,
    )
}

/// The most that this process had resident at once, in bytes.
pub fn peak_bytes() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

/// A line `<name> <number> kB` of a procfs file, in bytes.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_its_memory() {
        let peak = peak_bytes().unwrap_or(0);
        assert!(peak > 100_000, "{peak}");
        assert!(available_bytes().unwrap_or(0) > 1 << 20);
        assert_eq!(field("/proc/self/status", "NoSuchLine:"), None);
    }
}
