//! The step of a series: facts and the time enter, the next item leaves. Pure, and idempotent in facts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use market::Interval;

use crate::{
    OWED_BYTES_MAX, codec,
    id::SeriesId,
    item::{Item, Owed},
    lane::{Emitted, Lane},
    route::SeriesFact,
};

/// The times by which a series acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long after its end a sampled bar stays open: poll period, the poller's time-out and a margin.
    pub close_after: SignedDuration,
    /// After which time nothing of a batch is under way any more: longer than an invocation lives, and
    /// shards lie apart. A reading that is still owed then counts as left behind, and bars that came
    /// together are all there.
    pub redeliver_after: SignedDuration,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The next item.
    pub item: Item,
    /// How many of the facts were taken, from the first on; the rest would owe more than the item
    /// holds, and follows when some of it has been delivered.
    pub taken: usize,
    /// How many of them came too late to be in time for their bar.
    pub late: u32,
    /// How many bars closed.
    pub closed: u32,
    /// How many readings were added to what is owed.
    pub readings: u32,
    /// How many open bars were given up, since too many later ones have closed.
    pub given_up: u32,
}

/// Takes facts into a series at a time.
///
/// Facts may come in any order; they are taken oldest bar first, so that a batch of history folds in order.
pub fn step(id: &SeriesId, item: &Item, facts: &mut [SeriesFact], now: Timestamp, settings: &Settings) -> Step {
    facts.sort_by_key(|fact| (fact.start, fact.interval));
    let now = now.as_millisecond();
    let mut next = Step { item: item.clone(), taken: 0, late: 0, closed: 0, readings: 0, given_up: 0 };
    let room = room(&next.item);
    // Each bar, whether it was there or comes in with a fact, can add one reading at the most.
    let bars: usize = next.item.lanes.iter().map(|lane| lane.slots.len()).sum();
    if room < bars {
        return next;
    }
    next.taken = facts.len().min(room - bars);
    // The earliest bar of each interval that changed; what lies before it gives the same readings as before.
    let mut changed: BTreeMap<Interval, i64> = BTreeMap::new();
    let mut note = |interval, start: i64| {
        let earliest = changed.entry(interval).or_insert(start);
        *earliest = start.min(*earliest);
    };
    for fact in &facts[..next.taken] {
        if lane(&mut next.item, fact).take(fact, now) {
            note(fact.interval, fact.start);
        } else {
            next.late += 1;
        }
    }
    for lane in &mut next.item.lanes {
        let closed = lane.close(now, settings);
        next.closed += closed.len() as u32;
        closed.into_iter().for_each(|start| note(lane.interval, start));
    }
    for at in 0..next.item.lanes.len() {
        if let Some(from) = changed.get(&next.item.lanes[at].interval) {
            next.readings += emit(id, &mut next.item, at, *from, now);
        }
        next.given_up += next.item.lanes[at].fold(now, settings);
    }
    next
}

/// How many more readings fit into what the item may owe.
fn room(item: &Item) -> usize {
    let outputs = item.lanes.iter().map(|lane| lane.engine.names().len()).max();
    let outputs = outputs.unwrap_or_else(|| indicators::IndicatorSet::default().names().len());
    (OWED_BYTES_MAX / codec::owed_bytes(outputs)).saturating_sub(item.owed.len())
}

fn lane<'a>(item: &'a mut Item, fact: &SeriesFact) -> &'a mut Lane {
    let at = match item.lanes.binary_search_by_key(&fact.interval, |lane| lane.interval) {
        Ok(at) => at,
        Err(at) => {
            item.lanes.insert(at, Lane::new(fact.interval));
            at
        }
    };
    &mut item.lanes[at]
}

/// Adds to what is owed the readings from that bar on that are new, or differ from what was last emitted.
fn emit(id: &SeriesId, item: &mut Item, lane: usize, from: i64, now: i64) -> u32 {
    let before = item.next;
    for computed in item.lanes[lane].compute() {
        let slot = &item.lanes[lane].slots[computed.slot];
        if slot.start < from || computed.values.iter().all(Option::is_none) {
            continue;
        }
        let emitted = slot.emitted;
        let mut owed = Owed {
            number: item.next,
            rev: 0,
            interval: item.lanes[lane].interval,
            start: slot.start,
            computed_at: now,
            bars: computed.bars,
            freshness: computed.freshness,
            prices: computed.prices,
            values: computed.values,
        };
        let content = item.record(id, &owed).content().0;
        owed.rev = match emitted {
            Some(emitted) if emitted.content == content => continue,
            Some(emitted) => emitted.rev + 1,
            None => 0,
        };
        item.lanes[lane].slots[computed.slot].emitted = Some(Emitted { rev: owed.rev, content });
        item.owed.push(owed);
        item.next += 1;
    }
    (item.next - before) as u32
}
