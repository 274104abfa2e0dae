//! What one won deal says of each measure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;

use super::Measure;
use crate::calendar::Calendar;
use crate::facts::track::Version;
use crate::facts::{
    Activity, ActivityKind, DealFacts, Direction, Fact, Field, Metadata, StageKind, Value,
};
use crate::time::{DAY_MS, UnixMs};

/// What one won deal says. A deal counts once in every place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Id of its pipeline.
    pub(super) pipeline: String,
    /// For the pipeline and everywhere.
    pub(super) of_deal: Vec<(Measure, i64)>,
    /// For the stages it went through.
    pub(super) of_stages: Vec<(Measure, String, i64)>,
}

/// What `facts` say at the instant `at`, by the history up to then; `None` for
/// a deal that is not won then, or of which nobody knows since when.
///
/// Lengths of time are whole days, rounded up: a deal that stayed 18.2 days
/// left within 19. Gaps between activities are those among the activities that
/// are kept of the deal, and are left out unless `activity_trusted`. Working days
/// are those of `calendar`, the account's.
#[must_use]
pub fn samples(
    facts: &DealFacts,
    metadata: &Metadata,
    activity_trusted: bool,
    calendar: &Calendar,
    at: UnixMs,
) -> Option<Samples> {
    let facts = facts.as_known_at(at);
    if facts.is_gone() || facts.stage_kind(metadata) != Some(StageKind::Won) {
        return None;
    }
    let Fact::Known(won_at) = facts.closed_at(metadata) else { return None };
    let pipeline = metadata.pipeline_of(facts.text(Field::Pipeline), facts.text(Field::Stage));
    let deal = Won { facts: &facts, metadata, won_at };
    let mut samples =
        Samples { pipeline: pipeline.unwrap_or_default().to_owned(), ..Samples::default() };
    deal.stays(&mut samples);
    deal.counts(&mut samples);
    if activity_trusted && facts.activities.read {
        deal.all_gaps(calendar, &mut samples);
        let engaged = facts.activities.recency(won_at).contacts_engaged;
        samples.of_deal.extend(engaged.map(|count| (Measure::ContactsEngaged, count.into())));
    }
    Some(samples)
}

struct Won<'a> {
    facts: &'a DealFacts,
    metadata: &'a Metadata,
    won_at: UnixMs,
}

impl<'a> Won<'a> {
    fn stages(&self) -> &'a [Version] {
        self.facts.tracks.get(&Field::Stage).map_or(&[], |track| track.versions())
    }

    /// The open stage that a version of the stage names.
    fn open_stage(&self, version: &'a Version) -> Option<&'a str> {
        let Fact::Known(Value::Text(id)) = &version.value else { return None };
        let (_, stage) = self.metadata.stage(self.facts.text(Field::Pipeline), id)?;
        stage.kind.is_open().then_some(id)
    }

    /// The longest stay in each stage, and of all of them.
    fn stays(&self, samples: &mut Samples) {
        let mut longest = BTreeMap::new();
        let mut rest = self.stages();
        while let Some((first, later)) = rest.split_first() {
            let same = later.iter().take_while(|next| next.value == first.value).count();
            rest = later.get(same..).unwrap_or_default();
            let left_at = rest.first().map_or(self.won_at, |next| next.at);
            let is_dated = !first.undated && rest.first().is_none_or(|next| !next.undated);
            if let Some(stage) = self.open_stage(first).filter(|_| is_dated) {
                note(&mut longest, stage, days_up(left_at.since_ms(first.at)));
            }
        }
        put_longest(Measure::DwellDays, longest, samples);
    }

    fn counts(&self, samples: &mut Samples) {
        let Won { facts, metadata, won_at } = self;
        let mut put = |measure, value: Option<i64>| {
            samples.of_deal.extend(value.map(|value| (measure, value)));
        };
        let created = facts.created_at().filter(|created| created <= won_at);
        put(Measure::CycleDays, created.map(|created| days_up(won_at.since_ms(created))));
        let (pushes, pushed_days) = facts.pushes(metadata).unzip();
        put(Measure::PushCount, pushes.map(i64::from));
        put(Measure::PushedDays, pushed_days);
        let currency = facts.text(Field::Currency).or(metadata.currency.as_deref());
        let is_ours = currency == metadata.currency.as_deref();
        put(Measure::Amount, self.whole(Field::Amount).filter(|_| is_ours));
        let is_mapped = !metadata.unmapped.contains(&Field::Discount);
        put(Measure::DiscountPercent, self.whole(Field::Discount).filter(|_| is_mapped));
    }

    /// A number, rounded up.
    fn whole(&self, field: Field) -> Option<i64> {
        match self.facts.value(field) {
            Fact::Known(Value::Number(number)) => number.ceil().to_i64(),
            _ => None,
        }
    }

    fn all_gaps(&self, calendar: &Calendar, samples: &mut Samples) {
        let inbound = |one: &Activity| one.direction == Direction::Inbound;
        let meeting = |one: &Activity| one.kind == ActivityKind::Meeting;
        let elapsed = |from: UnixMs, until: UnixMs| days_up(until.since_ms(from));
        let working = |from, until| calendar.business_days_since(from, until);
        let mut put = |measure, times: &[UnixMs], length: &dyn Fn(UnixMs, UnixMs) -> i64| {
            put_longest(measure, self.longest_gaps(times, length), samples);
        };
        let heard = self.times(&inbound);
        put(Measure::InboundGapDays, &heard, &elapsed);
        put(Measure::InboundGapBusinessDays, &heard, &working);
        let touched = self.times(&|_| true);
        put(Measure::ActivityGapDays, &touched, &elapsed);
        put(Measure::ActivityGapBusinessDays, &touched, &working);
        put(Measure::MeetingGapBusinessDays, &self.times(&meeting), &working);
    }

    /// When activities were until the win, in order.
    fn times(&self, which: &dyn Fn(&Activity) -> bool) -> Vec<UnixMs> {
        let mut times = self.facts.activities.times(which);
        times.retain(|at| *at <= self.won_at);
        times.sort_unstable();
        times
    }

    /// The longest time from one to the next, by the stage in which it began.
    fn longest_gaps(
        &self,
        times: &[UnixMs],
        length: &dyn Fn(UnixMs, UnixMs) -> i64,
    ) -> BTreeMap<&'a str, i64> {
        let mut longest = BTreeMap::new();
        let ends = times.iter().copied().skip(1).chain([self.won_at]);
        for (from, until) in times.iter().copied().zip(ends) {
            let held = self.facts.tracks.get(&Field::Stage).and_then(|track| track.held_at(from));
            if let Some(stage) = held.and_then(|version| self.open_stage(version)) {
                note(&mut longest, stage, length(from, until));
            }
        }
        longest
    }
}

fn note<'a>(longest: &mut BTreeMap<&'a str, i64>, stage: &'a str, days: i64) {
    let known = longest.entry(stage).or_default();
    *known = days.max(*known);
}

fn put_longest(measure: Measure, longest: BTreeMap<&str, i64>, samples: &mut Samples) {
    samples.of_deal.extend(longest.values().max().map(|days| (measure, *days)));
    let stages = longest.into_iter().map(|(stage, days)| (measure, stage.to_owned(), days));
    samples.of_stages.extend(stages);
}

fn days_up(ms: i64) -> i64 {
    let days = ms.div_euclid(DAY_MS);
    if ms.rem_euclid(DAY_MS) > 0 { days + 1 } else { days }
}

impl DealFacts {
    /// Takes back what was told of a field for one instant: for asking what was
    /// known before that was told.
    pub fn untell(&mut self, field: Field, at: UnixMs, vendor_seq: i64) {
        if let Some(track) = self.tracks.get_mut(&field) {
            track.forget(at, vendor_seq);
        }
    }

    /// These facts without what happened after `at`. Nothing is copied where
    /// nothing did. What was folded away of a long past stays folded.
    #[must_use]
    pub fn as_known_at(&self, at: UnixMs) -> Cow<'_, DealFacts> {
        let is_later = |version: &Version| version.at > at;
        let existed = self.existence.is_some_and(|word| word.at > at)
            || self.merged.as_ref().is_some_and(|word| word.at > at);
        if !existed && !self.tracks.values().any(|track| track.newest().is_some_and(is_later)) {
            return Cow::Borrowed(self);
        }
        let mut known = self.clone();
        for track in known.tracks.values_mut() {
            track.forget_after(at);
        }
        known.tracks.retain(|_, track| track.newest().is_some());
        known.existence = known.existence.filter(|word| word.at <= at);
        known.merged = known.merged.filter(|word| word.at <= at);
        Cow::Owned(known)
    }
}
