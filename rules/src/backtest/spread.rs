//! A distribution of whole numbers, exact: as large as there are different ones.

use std::collections::BTreeMap;

/// How often each value came up.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    counts: BTreeMap<u32, u64>,
    total: u64,
}

impl Spread {
    pub(super) fn add(&mut self, value: u32, times: u64) {
        if times > 0 {
            *self.counts.entry(value).or_default() += times;
            self.total += times;
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn highest(&self) -> Option<u32> {
        self.counts.keys().next_back().copied()
    }

    /// The smallest value that at least `percent` of a hundred do not exceed.
    pub(super) fn quantile(&self, percent: u64) -> Option<u32> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut passed = 0;
        self.counts.iter().find_map(|(value, times)| {
            passed += times;
            (passed >= rank).then_some(*value)
        })
    }

    /// How much of the sum the largest tenth of the values holds; at least one value.
    pub(super) fn held_by_busiest_tenth(&self) -> Option<(u64, u64)> {
        let weigh = |(value, times): (&u32, &u64)| u64::from(*value) * times;
        let sum: u64 = self.counts.iter().map(weigh).sum();
        let mut left = self.total.div_ceil(10);
        let mut held = 0;
        for (value, times) in self.counts.iter().rev() {
            let taken = left.min(*times);
            held += u64::from(*value) * taken;
            left -= taken;
        }
        (sum > 0).then_some((held, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_middle() {
        let spread = Spread::default();
        assert_eq!((spread.quantile(50), spread.highest()), (None, None));
        assert_eq!(spread.held_by_busiest_tenth(), None);
    }

    proptest! {
        #[test]
        fn quantiles_and_tenths_are_those_of_the_sorted_list(mut values in proptest::collection::vec(0u32..50, 1..80), percent in 1u64..=100) {
            let mut spread = Spread::default();
            values.iter().for_each(|value| spread.add(*value, 1));
            values.sort_unstable();
            let rank = (values.len() as u64 * percent).div_ceil(100) as usize;
            prop_assert_eq!(spread.quantile(percent), Some(values[rank - 1]));
            let tenth = values.len().div_ceil(10);
            let held: u32 = values.iter().rev().take(tenth).sum();
            let sum: u32 = values.iter().sum();
            let expected = (sum > 0).then_some((u64::from(held), u64::from(sum)));
            prop_assert_eq!(spread.held_by_busiest_tenth(), expected);
        }
    }
}
