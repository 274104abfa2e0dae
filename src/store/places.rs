//! Which events of a request are meant when it is stored again: `only:0-3,7:` in
//! front of its kind. The events around them were handled before.

const ONLY: &str = "only:";

/// The kind of a request that is stored again for these places only, which are
/// in order.
pub(super) fn only(places: &[u32], kind: &str) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(*place) => *to = *place,
            _ => ranges.push((*place, *place)),
        }
    }
    let shown = ranges.iter().map(|(from, to)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    });
    format!("{ONLY}{}:{}", shown.collect::<Vec<_>>().join(","), of(kind).1)
}

/// The places a stored request is for, as ranges with both ends, and its own
/// kind; `None` for all of them.
#[must_use]
pub fn of(kind: &str) -> (Option<Vec<(u32, u32)>>, &str) {
    let Some((places, rest)) = kind.strip_prefix(ONLY).and_then(|rest| rest.split_once(':')) else {
        return (None, kind);
    };
    let range = |text: &str| {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        Some((from.parse().ok()?, to.parse().ok()?))
    };
    (Some(places.split(',').filter_map(range).collect()), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_request_are_read_as_they_were_written() {
        let kind = only(&[0, 1, 2, 7, 9, 10], "hook:events");
        assert_eq!(kind, "only:0-2,7,9-10:hook:events");
        assert_eq!(of(&kind), (Some(vec![(0, 2), (7, 7), (9, 10)]), "hook:events"));
        assert_eq!(only(&[3], &kind), "only:3:hook:events", "of a second replay");
        assert_eq!(of("hook:"), (None, "hook:"));
        assert_eq!(of("observations"), (None, "observations"));
        assert_eq!(only(&[u32::MAX], "hook:"), "only:4294967295:hook:");
    }
}
