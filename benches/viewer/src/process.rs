//! What a process has used, as Linux tells it.

use std::{fs, io, time::Duration};

/// Of the processor, user and system.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may have blanks; it ends at the last parenthesis.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |index| {
        rest.split_whitespace()
            .nth(index)
            .and_then(|word| word.parse::<u64>().ok())
    };
    let (user, system) = ticks(11)
        .zip(ticks(12))
        .ok_or_else(|| io::Error::other("no such line"))?;
    // Linux tells them in hundredths of a second.
    Ok(Duration::from_millis((user + system) * 10))
}

/// Resident bytes: now, and at most until now.
pub(crate) fn memory(pid: u32) -> io::Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(name)?
                    .trim()
                    .strip_suffix(" kB")?
                    .trim()
                    .parse::<u64>()
                    .ok()
            })
            .map(|kibibytes| kibibytes << 10)
            .ok_or_else(|| io::Error::other(format!("no {name}")))
    };
    Ok((of("VmRSS:")?, of("VmHWM:")?))
}

/// What the machine is, and whether others use it.
pub(crate) fn machine() -> (String, bool) {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or_default();
    (
        format!("{model}, {cores} cores, load {load} at the start"),
        load > cores as f64 / 2.0,
    )
}
