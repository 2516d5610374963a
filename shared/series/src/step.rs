//! The step of a series: facts and the time enter, the next item leaves. Pure, and idempotent in facts.

use bars::Ohlcv;
use indicators::Indicators;
use jiff::{SignedDuration, Timestamp};
use market::Interval;
use wire::{IndicatorReading, IndicatorWriter, Lines, SeriesText};

use crate::{
    id::SeriesId,
    item::{Encoded, Item, Owed, OwedAlert, OwedReadings, What, millis, scratch},
    lane::{Computed, Emitted, Lane, Surroundings},
    route::{About, SeriesFact},
    rule::Rules,
    sets::Sets,
};

/// How a series acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How long after its end a sampled bar stays open: poll period, the poller's time-out and a margin.
    pub close_after: SignedDuration,
    /// After which time nothing of a batch is under way any more: longer than an invocation lives, and
    /// shards lie apart. A reading that is still owed then counts as left behind, and bars that came
    /// together are all there.
    pub redeliver_after: SignedDuration,
    /// Which indicators are computed.
    pub sets: Sets,
    /// What raises an alert.
    pub rules: Rules,
}

/// What a step did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// Whether the item is another one than before.
    pub changed: bool,
    /// How many of the facts were taken, from the first on; the rest would owe more than the item
    /// holds, and follows when some of it has been delivered.
    pub taken: usize,
    /// How many of them came too late to be in time for their bar.
    pub late: u32,
    /// How many bars closed.
    pub closed: u32,
    /// How many readings were added to what is owed.
    pub readings: u32,
    /// How many alerts were.
    pub alerts: u32,
    /// How many bars were read for the first time before which the calendar expected another one.
    pub gaps: u32,
    /// How many open bars were given up, since too many later ones have closed.
    pub given_up: u32,
}

/// How long after a bar's end a rule may still raise an alert: history that comes later is not news.
fn is_news(interval: Interval, start: i64, now: i64) -> bool {
    let length = interval.duration().as_millis() as i64;
    now <= start + 3 * length + 3_600_000
}

/// What a step adds to what is owed, as text: each line is written once, where it is sent from.
#[derive(Debug, Default)]
pub struct Written {
    /// The lines of readings.
    pub lines: Lines,
    /// The number of each line within its series.
    pub numbers: Vec<u64>,
    writer: IndicatorWriter,
}

impl Written {
    /// With room for the lines of so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { lines: Lines::with_capacity(bytes, bytes / 512), ..Self::default() }
    }
}

/// Takes facts into a series at a time, and appends the lines of what it adds to what is owed.
///
/// Facts may come in any order; they are taken oldest bar first, so that a batch of history folds in order.
/// The item is the next one then; whoever cannot store it drops it, and the lines.
pub fn step(
    id: &SeriesId,
    item: &mut Item,
    facts: &mut [SeriesFact],
    now: Timestamp,
    settings: &Settings,
    written: &mut Written,
) -> Step {
    let in_order = |one: &SeriesFact, other: &SeriesFact| (one.start, one.interval) <= (other.start, other.interval);
    if !facts.is_sorted_by(in_order) {
        facts.sort_by_key(|fact| (fact.start, fact.interval));
    }
    let now = now.as_millisecond();
    item.encoded = Encoded::default();
    let mut step = Step::default();
    let built: Vec<Interval> = if id.is_daily() { Vec::new() } else { settings.sets.built().collect() };
    // Each bar, whether it was there or comes in with a fact, can add one reading at the most. Alerts are few.
    let bars: usize = item.lanes.iter().map(|lane| lane.slots.len()).sum();
    let room = settings.sets.owed_max().saturating_sub(item.owed.len()).saturating_sub(bars) / (1 + built.len());
    // With nothing owed there is always room for one, or a set that has grown could hold up the series for ever.
    let room = if item.owed.is_empty() { room.max(1) } else { room };
    if room == 0 {
        return step;
    }
    step.taken = facts.len().min(room);
    // The earliest bar of each interval that changed; what lies before it gives the same readings as before.
    let mut changed = Changed::default();
    for fact in &facts[..step.taken] {
        let taken = match &fact.about {
            About::Split(split) => {
                let new = item.splits.take(*split);
                step.changed |= new;
                let mut late = false;
                for lane in item.lanes.iter_mut().filter(|_| new) {
                    late |= !lane.split(*split);
                    changed.note(lane.interval, i64::MIN);
                }
                step.late += u32::from(late);
                continue;
            }
            About::Bar(part) => match lane(item, fact.interval, settings) {
                Some(lane) => lane.take(fact.start, part, now),
                // Nothing is computed of bars of that length.
                None => continue,
            },
        };
        if taken {
            step.changed = true;
            changed.note(fact.interval, fact.start);
        } else {
            step.late += 1;
        }
    }
    let around = (now, settings);
    advance(id, item, &mut step, &mut changed, &built, around, written);
    step
}

/// The earliest change of each interval.
#[derive(Default)]
struct Changed([Option<i64>; Interval::ALL.len()]);

impl Changed {
    fn note(&mut self, interval: Interval, start: i64) {
        let earliest = &mut self.0[interval as usize];
        *earliest = Some(earliest.map_or(start, |earliest| earliest.min(start)));
    }

    fn of(&self, interval: Interval) -> Option<i64> {
        self.0[interval as usize]
    }
}

/// Closes, builds, computes and folds.
fn advance(
    id: &SeriesId,
    item: &mut Item,
    step: &mut Step,
    changed: &mut Changed,
    built: &[Interval],
    (now, settings): (i64, &Settings),
    written: &mut Written,
) {
    for lane in &mut item.lanes {
        step.changed |= lane.adopt(&settings.sets.lane(lane.interval).unwrap_or_else(Indicators::none));
    }
    let (lanes, splits) = (&mut item.lanes, &item.splits);
    let around = Surroundings { subject: &id.subject, splits, settings, now };
    for lane in lanes.iter_mut() {
        let interval = lane.interval;
        lane.close(around, |start| {
            step.closed += 1;
            changed.note(interval, start);
        });
    }
    // Bars are built from the shortest ones that arrive.
    let source = lanes.first().map(|lane| lane.interval);
    for interval in built.iter().copied().filter(|interval| source.is_some_and(|source| source < *interval)) {
        let is_new = lanes.iter().all(|lane| lane.interval != interval);
        let Some(at) = lane_at(lanes, interval, settings) else { continue };
        let (shorter, longer) = lanes.split_at_mut(at);
        let (Some(source), Some(lane)) = (shorter.first(), longer.first_mut()) else { continue };
        if let Some(folded) = source.folded.filter(|_| is_new) {
            lane.begin_behind(folded);
        }
        let from = if is_new { Some(i64::MIN) } else { changed.of(source.interval) };
        let from = from.or_else(|| lane.next_closing(settings).map(|_| i64::MAX));
        if let Some(from) = from {
            lane.build(source, from, around, |start, closed| {
                step.closed += u32::from(closed);
                step.changed = true;
                changed.note(interval, start);
            });
        }
    }
    step.changed |= step.closed > 0;
    for lane in lanes.iter_mut() {
        let interval = lane.interval;
        if let Some(from) = changed.of(interval) {
            let (indicators, text) = (lane.engine.indicators().clone(), lane.text(id));
            let mut emitter = Emitter {
                interval,
                next: &mut item.next,
                owed: &mut item.owed,
                step,
                now,
                readings: scratch(&text.names),
                indicators: &indicators,
                series: &text.series,
                written,
            };
            lane.compute(from, around, |computed| emitter.emit(computed));
        }
    }
    let mut settled: Vec<(i64, Ohlcv)> = Vec::new();
    let closed_max = settings.sets.closed_max(lanes.len().max(1 + built.len()));
    for at in 0..lanes.len() {
        let (shorter, longer) = lanes.split_at_mut(at);
        let Some((lane, longer)) = longer.split_first_mut() else { continue };
        let until = shorter.first().filter(|_| built.contains(&lane.interval)).and_then(Lane::changeable);
        let before = lane.folded;
        step.given_up += lane.fold(until, closed_max, around, |start, prices| settled.push((start, prices)));
        step.changed |= before != lane.folded;
        if at == 0 {
            for lane in longer.iter_mut().filter(|lane| built.contains(&lane.interval)) {
                settled.iter().for_each(|(start, prices)| lane.settle(*start, *prices, now));
            }
        }
        settled.clear();
    }
}

/// The lane of that interval; `None` if nothing is to be computed for it.
fn lane<'a>(item: &'a mut Item, interval: Interval, settings: &Settings) -> Option<&'a mut Lane> {
    let at = lane_at(&mut item.lanes, interval, settings)?;
    item.lanes.get_mut(at)
}

fn lane_at(lanes: &mut Vec<Lane>, interval: Interval, settings: &Settings) -> Option<usize> {
    match lanes.binary_search_by_key(&interval, |lane| lane.interval) {
        Ok(at) => Some(at),
        Err(at) => {
            lanes.insert(at, Lane::new(interval, &settings.sets.lane(interval)?));
            Some(at)
        }
    }
}

/// Adds to what is owed.
struct Emitter<'a> {
    interval: Interval,
    next: &'a mut u64,
    owed: &'a mut Vec<Owed>,
    step: &'a mut Step,
    now: i64,
    indicators: &'a Indicators,
    series: &'a SeriesText,
    readings: Vec<IndicatorReading<'a>>,
    written: &'a mut Written,
}

impl Emitter<'_> {
    /// Adds the readings after a bar if they are new, or differ from what was last emitted.
    fn emit(&mut self, computed: Computed<'_>) {
        let Computed { start, prices, freshness, gap, engine, fired, emitted } = computed;
        let mut readings = Vec::with_capacity(self.readings.len());
        engine.readings().for_each(|reading| readings.push(reading));
        if readings.iter().all(Option::is_none) {
            return;
        }
        let indicators = self.indicators.clone();
        let mut owed = OwedReadings { rev: 0, bars: engine.bars_seen(), freshness, gap, prices, indicators, readings };
        owed.fill(&mut self.readings);
        let body = owed.body(self.series, start, &self.readings);
        let mut rendered = self.written.writer.begin(&body);
        owed.rev = match emitted {
            Some(emitted) if rendered.id(emitted.rev).0 == emitted.id => return,
            Some(emitted) => emitted.rev + 1,
            None => 0,
        };
        let first = emitted.is_none();
        let sent = self.written.lines.push_rendered(&mut rendered, owed.rev, millis(self.now));
        *emitted = Some(Emitted { rev: owed.rev, id: sent.0 });
        self.written.numbers.push(*self.next);
        self.push(start, What::Readings(owed));
        self.step.readings += 1;
        self.step.gaps += u32::from(gap && first);
        if first && is_news(self.interval, start, self.now) {
            for (rule, compared) in fired {
                let alert = OwedAlert { rule: rule.text.clone(), left: compared.left, right: compared.right };
                self.push(start, What::Alert(alert));
                self.step.alerts += 1;
            }
        }
    }

    fn push(&mut self, start: i64, what: What) {
        self.owed.push(Owed { number: *self.next, interval: self.interval, start, computed_at: self.now, what });
        *self.next += 1;
        self.step.changed = true;
    }
}
