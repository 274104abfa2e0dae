//! What something cost: processor time as the kernel counts it, and memory.

use std::time::Duration;

use anyhow::Context as _;

/// The kernel's unit in `/proc/<pid>/stat`: 100 a second on every Linux.
const TICK_MS: u64 = 10;
/// Places of fields in `/proc/<pid>/stat`, counted after the command's name.
const USER: usize = 11;
const SYSTEM: usize = 12;
const USER_OF_CHILDREN: usize = 13;
const SYSTEM_OF_CHILDREN: usize = 14;

/// Processor time that a process has taken so far, in steps of 10 ms.
pub fn of_process(pid: u32) -> anyhow::Result<Duration> {
    stat(&pid.to_string(), &[USER, SYSTEM])
}

/// The same for this process.
pub fn of_this_process() -> anyhow::Result<Duration> {
    stat("self", &[USER, SYSTEM])
}

/// For this process and those it started, once they have ended.
pub fn of_this_process_and_children() -> anyhow::Result<Duration> {
    stat("self", &[USER, SYSTEM, USER_OF_CHILDREN, SYSTEM_OF_CHILDREN])
}

fn stat(pid: &str, fields: &[usize]) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let (_, rest) = text.rsplit_once(')').with_context(|| path.clone())?;
    let values: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        fields.iter().map(|field| values.get(*field).and_then(|one| one.parse::<u64>().ok()));
    let ticks: Option<u64> = ticks.sum();
    Ok(Duration::from_millis(ticks.with_context(|| path)? * TICK_MS))
}

/// Processor time that the calling thread has taken so far, in nanoseconds.
pub fn of_this_thread() -> anyhow::Result<Duration> {
    // The kernel brings the figure up to date when a thread gives way, else
    // only every few milliseconds.
    std::thread::yield_now();
    let path = "/proc/thread-self/schedstat";
    let text = std::fs::read_to_string(path).context(path)?;
    let nanoseconds = text.split_whitespace().next().and_then(|one| one.parse().ok());
    Ok(Duration::from_nanos(nanoseconds.context(path)?))
}

/// Processor time of the whole machine so far, idle time left out.
pub fn of_machine() -> anyhow::Result<Duration> {
    const IDLE: [usize; 2] = [3, 4];
    /// What follows is counted in `user` already.
    const COUNTED: usize = 8;
    let text = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let values = text.lines().next().unwrap_or_default().split_whitespace().skip(1).take(COUNTED);
    let busy = values.enumerate().filter(|(at, _)| !IDLE.contains(at));
    let ticks: u64 = busy.filter_map(|(_, one)| one.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * TICK_MS))
}

/// Memory of a process that is in RAM, in MiB.
pub fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(kib.with_context(|| path)? / 1024.0)
}

/// What `work` makes, and the processor time it takes on this thread.
pub fn on_this_thread<T>(work: impl FnOnce() -> T) -> anyhow::Result<(T, Duration)> {
    let before = of_this_thread()?;
    let out = work();
    Ok((out, of_this_thread()? - before))
}

/// The middle one; of an even number the higher of the two. `NaN` of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which `percent` of these lie, in milliseconds.
pub fn percentile_ms(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
