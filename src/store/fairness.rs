//! Turns between connections, so that a noisy or dead one delays no other.

use std::collections::VecDeque;

/// What a connection can take now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// So many deliveries.
    pub most: usize,
    /// None for these readers.
    pub not_for: Vec<String>,
}

impl From<usize> for Room {
    /// For any reader.
    fn from(most: usize) -> Room {
        Room { most, not_for: Vec::new() }
    }
}

/// Takes one from each queue in turn, beginning with queue number `start`,
/// until `limit` are taken or all queues are empty. Each queue keeps its order.
pub(super) fn take_turns<T>(queues: Vec<Vec<T>>, limit: usize, start: usize) -> Vec<T> {
    let mut queues: VecDeque<VecDeque<T>> = queues.into_iter().map(VecDeque::from).collect();
    let shift = start.checked_rem(queues.len()).unwrap_or(0);
    queues.rotate_left(shift);
    let mut taken = Vec::new();
    while taken.len() < limit {
        let Some(mut queue) = queues.pop_front() else { break };
        if let Some(item) = queue.pop_front() {
            taken.push(item);
            queues.push_back(queue);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_queue_waits_for_a_short_one() {
        let queues = || vec![vec!["a1", "a2", "a3", "a4"], vec!["b1"], vec![]];
        assert_eq!(take_turns(queues(), 3, 0), ["a1", "b1", "a2"]);
        assert_eq!(take_turns(queues(), 3, 4), ["b1", "a1", "a2"]);
        assert_eq!(take_turns(queues(), 9, 2).len(), 5);
        assert!(take_turns(Vec::<Vec<u8>>::new(), 9, 2).is_empty());
    }

    proptest! {
        #[test]
        fn nobody_gets_two_more_than_somebody_who_still_waits(
            sizes in proptest::collection::vec(0_usize..20, 0..8), limit in 0_usize..60, start: usize,
        ) {
            let queues: Vec<Vec<(usize, usize)>> = sizes.iter().enumerate()
                .map(|(queue, size)| (0..*size).map(|place| (queue, place)).collect()).collect();
            let taken = take_turns(queues, limit, start);
            prop_assert_eq!(taken.len(), limit.min(sizes.iter().sum()));
            let got = |queue: usize| taken.iter().filter(|(of, _)| *of == queue).count();
            for (waiting, size) in sizes.iter().enumerate() {
                let short = got(waiting);
                let most = (0..sizes.len()).map(got).max().unwrap_or(0);
                prop_assert!(short == *size || most <= short + 1);
                let places = taken.iter().filter(|(of, _)| *of == waiting).map(|(_, place)| *place);
                prop_assert!(places.eq(0..short));
            }
        }
    }
}
