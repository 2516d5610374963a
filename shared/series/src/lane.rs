//! One interval of a series: the engine up to some bar, the last bars behind it, and the open ones.

use std::{cmp::Ordering, sync::Arc};

use bars::{Bar, Ohlcv};
use indicators::{IndicatorSet, Indicators};
use market::{Freshness, Interval, Subject};
use wire::{OutputName, SeriesText};

use crate::{
    OPEN_BARS_MAX, REVISABLE_BARS,
    gap::{missing, session_of},
    id::SeriesId,
    item::names,
    route::Part,
    rule::{Compared, Rule},
    split::{Split, Splits, divided},
    step::Settings,
};

/// After how many more bars a daily series goes on although a day is missing. Until then the vendor's history
/// may still bring it.
const GAP_PATIENCE: usize = 3;
/// How long after its end a bar that is built from the vendor's closes, though its last part never came: in
/// minutes without trade there is none.
const BUILT_CLOSES_AFTER: i64 = 3_600_000;

/// What was last emitted for a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Emitted {
    pub(crate) rev: u32,
    /// The id, which tells whether other content is news.
    pub(crate) id: [u8; 16],
}

/// A bar that can still change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// Its begin, in milliseconds since 1970.
    pub(crate) start: i64,
    /// When its first fact came, in milliseconds since 1970.
    pub(crate) seen: i64,
    pub(crate) bar: Bar,
    /// What is built from those shorter bars that can no longer change: always the first ones.
    pub(crate) base: Option<Ohlcv>,
    /// What is built from all shorter bars that are closed.
    pub(crate) built: Option<Ohlcv>,
    /// Whether its readings count; once closed, it stays closed.
    pub(crate) closed: bool,
    pub(crate) emitted: Option<Emitted>,
}

impl Slot {
    fn new(start: i64, now: i64) -> Self {
        let bar = Bar::default();
        Self { start, seen: now, bar, base: None, built: None, closed: false, emitted: None }
    }

    /// What it shows: the vendor's final bar in today's shares, else what was sampled, else what was built.
    fn show(&self, splits: &Splits) -> Option<Ohlcv> {
        match &self.bar.vendor {
            // A version that is not final says less than closed shorter bars do.
            Some(part) if part.is_final || self.built.is_none() => Some(splits.adjust(part.prices, part.as_of)),
            _ => self.bar.sampled.view().map(|view| view.ohlcv(None)).or(self.built),
        }
    }

    fn freshness(&self) -> Freshness {
        self.bar.vendor.filter(|part| part.is_final).map_or(Freshness::Realtime, |part| {
            Freshness::ALL.get(usize::from(part.freshness)).copied().unwrap_or(Freshness::Realtime)
        })
    }

    /// Whether the last word on it is that of shorter bars.
    fn is_built(&self) -> bool {
        self.bar.vendor.is_none_or(|part| !part.is_final && self.built.is_some()) && self.bar.sampled.is_empty()
    }
}

/// Engine, bars that can still be revised, and open bars, of one interval.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub(crate) interval: Interval,
    /// The indicators after the last bar that can no longer change.
    pub(crate) engine: IndicatorSet,
    /// How the operands of each rule lay to each other after that bar.
    pub(crate) sides: Sides,
    /// Begin of that bar, in milliseconds since 1970. What is not later than it comes too late.
    pub(crate) folded: Option<i64>,
    /// The bars after it, in order of their begin.
    pub(crate) slots: Vec<Slot>,
    /// The engine after the last bar that was computed: what a series goes on from while nothing is revised.
    /// It follows from the rest, and is not stored.
    head: Option<Box<Head>>,
    /// What the records of its readings have in common. It follows from the series, too.
    text: Option<Arc<LaneText>>,
}

/// How the operands of rules lay to each other, by the id of the rule; nothing for a rule that is not in it.
pub(crate) type Sides = Vec<(u64, Option<Ordering>)>;

/// What the records of the readings of a lane have in common.
#[derive(Debug)]
pub(crate) struct LaneText {
    pub(crate) series: SeriesText,
    pub(crate) names: Vec<OutputName>,
}

#[derive(Debug, Clone)]
struct Head {
    engine: IndicatorSet,
    sides: Sides,
    /// Begin of the bar.
    after: i64,
}

/// Equal are lanes that store the same, whether or not they were computed.
impl PartialEq for Lane {
    fn eq(&self, other: &Self) -> bool {
        let stored = |lane: &Self| (lane.interval, lane.folded);
        stored(self) == stored(other)
            && self.engine == other.engine
            && self.sides == other.sides
            && self.slots == other.slots
    }
}

/// What is known of a series beside its lanes.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) splits: &'a Splits,
    pub(crate) settings: &'a Settings,
    pub(crate) now: i64,
}

/// A closed bar with the readings after it.
pub(crate) struct Computed<'a> {
    pub(crate) start: i64,
    pub(crate) prices: Ohlcv,
    pub(crate) freshness: Freshness,
    pub(crate) gap: bool,
    /// The engine after the bar.
    pub(crate) engine: &'a IndicatorSet,
    /// The rules that fired, with their operands.
    pub(crate) fired: &'a [(&'a Rule, Compared)],
    pub(crate) emitted: &'a mut Option<Emitted>,
}

impl Lane {
    pub(crate) fn new(interval: Interval, indicators: &Indicators) -> Self {
        let engine = indicators.start();
        Self { interval, engine, sides: Vec::new(), folded: None, slots: Vec::new(), head: None, text: None }
    }

    /// A lane as it was stored.
    pub(crate) fn stored(
        interval: Interval,
        engine: IndicatorSet,
        sides: Sides,
        folded: Option<i64>,
        slots: Vec<Slot>,
    ) -> Self {
        Self { interval, engine, sides, folded, slots, head: None, text: None }
    }

    /// Changes the indicators to those. Returns whether they were others.
    pub(crate) fn adopt(&mut self, indicators: &Indicators) -> bool {
        let other = self.engine.indicators() != indicators;
        if other {
            self.engine = self.engine.clone().adopt(indicators);
            (self.head, self.text) = (None, None);
        }
        other
    }

    /// What the records of its readings have in common.
    pub(crate) fn text(&mut self, id: &SeriesId) -> Arc<LaneText> {
        let new = || {
            let series = SeriesText::new(&id.subject, self.interval, id.basis, id.origin);
            Arc::new(LaneText { series, names: names(self.engine.indicators()) })
        };
        self.text.get_or_insert_with(new).clone()
    }

    fn length(&self) -> i64 {
        self.interval.duration().as_millis() as i64
    }

    /// The slot of that begin, made if it is not there; `None` if it comes too late.
    fn slot(&mut self, start: i64, now: i64) -> Option<&mut Slot> {
        if self.folded.is_some_and(|folded| start <= folded) {
            return None;
        }
        // Most facts are about the last bar or the next one.
        let at = match self.slots.last() {
            Some(last) if last.start < start => Err(self.slots.len()),
            None => Err(0),
            Some(_) => self.slots.binary_search_by_key(&start, |slot| slot.start),
        };
        let at = at.unwrap_or_else(|at| {
            self.slots.insert(at, Slot::new(start, now));
            at
        });
        self.slots.get_mut(at)
    }

    /// Joins a fact into its bar. Returns whether it came in time.
    pub(crate) fn take(&mut self, start: i64, part: &Part, now: i64) -> bool {
        let Some(slot) = self.slot(start, now) else { return false };
        match part {
            Part::Vendor(part) => slot.bar.take_vendor(*part),
            Part::Reading(reading) => drop(slot.bar.sampled.take(*reading)),
        }
        true
    }

    /// Works a split into the engine and into what was built. The vendor's bars know their time themselves.
    ///
    /// An engine that has taken bars from behind the split already is left alone, since it would be wrong either
    /// way: the split came too late. Returns whether it was in time.
    pub(crate) fn split(&mut self, split: Split) -> bool {
        self.head = None;
        if self.folded.is_some_and(|folded| folded >= split.day) {
            return false;
        }
        self.engine.split(split.ratio);
        // What was built behind it is in new shares, as far as its parts are.
        for slot in self.slots.iter_mut().filter(|slot| slot.start < split.day) {
            for built in [&mut slot.base, &mut slot.built] {
                *built = built.map(|prices| divided(prices, split.ratio));
            }
        }
        true
    }

    /// When the clock closes a bar.
    fn closing_time(&self, slot: &Slot, settings: &Settings, built_from: Option<&Self>) -> i64 {
        let sampled = built_from.map_or(!slot.bar.sampled.is_empty(), Self::is_sampled);
        let after = if sampled { settings.close_after.as_millis() as i64 } else { BUILT_CLOSES_AFTER };
        slot.start + self.length() + after
    }

    fn is_sampled(&self) -> bool {
        self.slots.iter().any(|slot| !slot.bar.sampled.is_empty())
    }

    /// The next moment at which the clock has something to close.
    pub(crate) fn next_closing(&self, settings: &Settings) -> Option<i64> {
        let open = self.slots.iter().filter(|slot| !slot.closed && (slot.bar.vendor.is_none() || slot.is_built()));
        open.filter(|slot| !slot.bar.sampled.is_empty() || slot.built.is_some())
            .map(|slot| match slot.is_built() {
                // Whether it is built from sampled bars only its source knows; a look too many does no harm.
                true => slot.start + self.length() + settings.close_after.as_millis() as i64,
                false => self.closing_time(slot, settings, None),
            })
            .min()
    }

    /// Closes what is final by the vendor's word or by the clock. Hands the begins of these bars to `closed`.
    pub(crate) fn close(&mut self, around: Surroundings<'_>, mut closed: impl FnMut(i64)) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if slot.closed || slot.is_built() {
                continue;
            }
            let over = match &slot.bar.vendor {
                Some(part) => part.is_final,
                None => around.now >= self.closing_time(slot, around.settings, None),
            };
            if over {
                let slot = &mut self.slots[at];
                slot.closed = true;
                slot.bar.sampled.close();
                closed(slot.start);
            }
        }
    }

    /// Builds the bars of this lane from the closed ones of a shorter lane, from `from` on, and closes those
    /// that are over. Hands the begins of those that changed to `changed`, with whether they closed.
    pub(crate) fn build(
        &mut self,
        source: &Self,
        from: i64,
        around: Surroundings<'_>,
        mut changed: impl FnMut(i64, bool),
    ) {
        let length = self.length();
        let first = from.div_euclid(length).saturating_mul(length);
        let parts = source.slots.iter().filter(|part| part.closed && part.start >= first);
        let mut bucket: Option<(i64, Option<Ohlcv>)> = None;
        let mut done: Vec<(i64, Option<Ohlcv>)> = Vec::new();
        for part in parts {
            let Some(prices) = part.show(around.splits) else { continue };
            let start = part.start.div_euclid(length) * length;
            let begun = match bucket.take() {
                Some((begun, prices)) if begun == start => prices,
                before => {
                    done.extend(before);
                    self.slots.iter().find(|slot| slot.start == start).and_then(|slot| slot.base)
                }
            };
            bucket = Some((start, Some(joined(begun, prices))));
        }
        done.extend(bucket);
        for (start, prices) in done {
            let Some(slot) = self.slot(start, around.now) else { continue };
            if slot.built != prices {
                slot.built = prices;
                changed(start, false);
            }
        }
        let last = source.slots.iter().rev().find(|part| part.closed).map(|part| part.start + source.length());
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if slot.closed || !slot.is_built() || slot.built.is_none() {
                continue;
            }
            let told = last.is_some_and(|last| last >= slot.start + length);
            if told || around.now >= self.closing_time(slot, around.settings, Some(source)) {
                self.slots[at].closed = true;
                changed(self.slots[at].start, true);
            }
        }
    }

    /// Replays the closed bars that are not computed yet, or from `from` on if those changed, and hands each
    /// to `each` in order. A bar whose numbers the engine refuses gives no reading.
    ///
    /// In a daily series with a missing day nothing behind it is computed until it has come, or until so
    /// many more bars are there that it will hardly come.
    pub(crate) fn compute(&mut self, from: i64, around: Surroundings<'_>, mut each: impl FnMut(Computed<'_>)) {
        let rules = around.settings.rules.of(self.interval);
        let head = self.head.take().filter(|head| head.after < from);
        let (mut engine, mut sides, after) = match head {
            Some(head) => (head.engine, head.sides, Some(head.after)),
            None => (self.engine.clone(), self.sides.clone(), self.folded),
        };
        let begin = self.slots.partition_point(|slot| after.is_some_and(|after| slot.start <= after));
        let mut left = self.slots[begin..].iter().filter(|slot| slot.closed).count();
        let mut before = after;
        let mut fired = Vec::new();
        for slot in self.slots[begin..].iter_mut().filter(|slot| slot.closed) {
            let Some(prices) = slot.show(around.splits) else { continue };
            let gap = before.is_some_and(|before| missing(around.subject, self.interval, before, slot.start) > 0);
            if gap && self.interval == Interval::Day && left < GAP_PATIENCE {
                break;
            }
            left -= 1;
            let session = session_of(around.subject, self.interval, slot.start);
            let taken = engine.update(&engine_bar(&prices, session)).is_ok();
            before = Some(slot.start);
            if !taken {
                continue;
            }
            fired.clear();
            advance(rules, &mut sides, &prices, &engine, |rule, compared| fired.push((rule, compared)));
            let freshness = slot.freshness();
            let (start, emitted, fired) = (slot.start, &mut slot.emitted, &fired[..]);
            // What lies before the change is as it was.
            if start >= from || emitted.is_none() {
                each(Computed { start, prices, freshness, gap, engine: &engine, fired, emitted });
            }
        }
        self.head = before.map(|after| Box::new(Head { engine, sides, after }));
    }

    /// Folds into the engine what is beyond revision. Returns how many open bars were given up on the way.
    ///
    /// A bar is beyond revision with [`REVISABLE_BARS`] closed ones behind it, and when nothing that was
    /// sent along with it is under way any more: history that is spread over shards comes a shard at a
    /// time, in any order, but it comes soon. An open bar that is reached would hold up the series for
    /// ever; the engine goes on without it. `until` is where the shorter bars begin that can still change,
    /// `closed_max` how many closed bars there is room for; `folded` gets what was folded.
    pub(crate) fn fold(
        &mut self,
        until: Option<i64>,
        closed_max: usize,
        around: Surroundings<'_>,
        mut folded: impl FnMut(i64, Ohlcv),
    ) -> u32 {
        let settled = around.now - around.settings.redeliver_after.as_millis() as i64;
        let rules = around.settings.rules.of(self.interval);
        let length = self.length();
        let closed = self.slots.iter().filter(|slot| slot.closed).count();
        let (mut closed, mut open) = (closed, self.slots.len() - closed);
        let (mut beyond, mut given_up) = (0, 0);
        for slot in &self.slots {
            let revisable = closed <= REVISABLE_BARS || slot.seen > settled;
            let enough = closed <= closed_max && open <= OPEN_BARS_MAX;
            if (revisable && enough) || until.is_some_and(|until| until < slot.start + length) {
                break;
            }
            self.folded = Some(slot.start);
            beyond += 1;
            match slot.show(around.splits).filter(|_| slot.closed) {
                // A refusal leaves the engine as it was, as it did in `compute`.
                Some(prices) => {
                    closed -= 1;
                    let session = session_of(around.subject, self.interval, slot.start);
                    if self.engine.update(&engine_bar(&prices, session)).is_ok() {
                        advance(rules, &mut self.sides, &prices, &self.engine, |_, _| {});
                    }
                    folded(slot.start, prices);
                }
                None => {
                    open -= 1;
                    given_up += 1;
                }
            }
        }
        self.slots.drain(..beyond);
        given_up
    }

    /// Where the bars begin that can still change.
    pub(crate) fn changeable(&self) -> Option<i64> {
        self.slots.first().map(|slot| slot.start)
    }

    /// Begins behind the bar of that moment, of whose parts some are gone.
    pub(crate) fn begin_behind(&mut self, moment: i64) {
        let length = self.length();
        self.folded = Some(moment.div_euclid(length) * length);
    }

    /// Takes in a shorter bar that can no longer change.
    pub(crate) fn settle(&mut self, start: i64, prices: Ohlcv, now: i64) {
        let length = self.length();
        if let Some(slot) = self.slot(start.div_euclid(length) * length, now) {
            slot.base = Some(joined(slot.base, prices));
        }
    }
}

/// Takes the rules over a bar, and hands those that fire to `fires`.
fn advance<'a>(
    rules: &'a [Rule],
    sides: &mut Sides,
    prices: &Ohlcv,
    engine: &IndicatorSet,
    mut fires: impl FnMut(&'a Rule, Compared),
) {
    if rules.is_empty() {
        sides.clear();
        return;
    }
    let readings = engine.readings();
    let next = rules.iter().map(|rule| {
        let before = sides.iter().find(|(id, _)| *id == rule.id).and_then(|(_, side)| *side);
        let compared = rule.compare(prices, |output| readings.value(output));
        let now = compared.map(Compared::ordering);
        if let Some(compared) = compared.filter(|_| rule.fires(before, now)) {
            fires(rule, compared);
        }
        (rule.id, now)
    });
    *sides = next.collect();
}

/// A bar and the one behind it as one.
fn joined(before: Option<Ohlcv>, next: Ohlcv) -> Ohlcv {
    let Some(before) = before else { return next };
    let volume = match (before.volume, next.volume) {
        (Some(before), Some(next)) => Some(before + next),
        (one, other) => one.or(other),
    };
    Ohlcv {
        open: before.open,
        high: before.high.max(next.high),
        low: before.low.min(next.low),
        close: next.close,
        volume,
    }
}

fn engine_bar(prices: &Ohlcv, session: u32) -> indicators::Bar {
    let Ohlcv { open, high, low, close, volume } = *prices;
    indicators::Bar { open, high, low, close, volume, session }
}
