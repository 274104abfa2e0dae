//! How long something that failed waits before it is tried again.

use touchline_kit::retry::backoff_ms;

use super::batching::hash16;
use crate::config::{CrmConfig, DeliveryConfig};

/// The wait before what could not be read is read again, after so many tries.
#[must_use]
pub fn reading_ms(limits: &CrmConfig, what: &str, tries: u32) -> i64 {
    wait_ms((limits.retry_base_ms, limits.retry_cap_ms), what, tries)
}

/// The wait before what could not be sent is sent again, after so many tries.
#[must_use]
pub fn sending_ms(limits: &DeliveryConfig, what: &str, tries: u32) -> i64 {
    wait_ms((limits.retry_base_ms, limits.retry_cap_ms), what, tries.saturating_sub(1))
}

/// Longer each time, from the base up to the cap, and another for each thing, so
/// that those who failed together do not come back together. The same whenever a
/// run is repeated.
fn wait_ms((base_ms, cap_ms): (i64, i64), what: &str, tries: u32) -> i64 {
    backoff_ms(tries, base_ms, cap_ms, jitter01(what, tries))
}

/// Between 0 and 1, by a hash of both.
fn jitter01(what: &str, tries: u32) -> f64 {
    let hash = hash16(format!("{what}/{tries}").as_bytes());
    f64::from(u16::from_le_bytes([hash[0], hash[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_spread_and_repeatable() {
        let all: Vec<f64> = (0..200).map(|tries| jitter01("deal-1", tries)).collect();
        assert!(all.iter().all(|one| (0.0..=1.0).contains(one)));
        let mean = all.iter().sum::<f64>() / 200.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert_ne!(jitter01("deal-1", 1).to_bits(), jitter01("deal-2", 1).to_bits());
        assert_eq!(jitter01("deal-1", 1).to_bits(), jitter01("deal-1", 1).to_bits());
    }
}
