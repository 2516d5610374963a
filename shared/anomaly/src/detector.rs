//! The state of one series: what is accepted, what is suspected, and the newest reading.

use crate::{
    accepted::{Accepted, Jump, stays},
    finding::{Anomaly, AnomalyKind, Severity},
    reading::Reading,
};

/// What was said about the newest reading and still holds, so that a revision says only what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Said(pub(crate) u8);

impl Said {
    const SPIKE: Self = Self(1);
    const SPLIT_SUSPECTED: Self = Self(1 << 1);
    const SPLIT: Self = Self(1 << 2);
    const VOLUME: Self = Self(1 << 3);
    const FLAT: Self = Self(1 << 4);
    /// That the jump before it is confirmed.
    const SUSPECT_STAYED: Self = Self(1 << 5);
    /// That the jump before it fell back.
    const SUSPECT_FELL: Self = Self(1 << 6);
    /// That its own jump is confirmed, by a revision.
    const CONFIRMED: Self = Self(1 << 7);

    fn of(kind: AnomalyKind) -> Self {
        match kind {
            AnomalyKind::PriceSpike => Self::SPIKE,
            AnomalyKind::SplitSuspected => Self::SPLIT_SUSPECTED,
            AnomalyKind::Split => Self::SPLIT,
            AnomalyKind::VolumeSpike => Self::VOLUME,
            AnomalyKind::FlatLine => Self::FLAT,
            AnomalyKind::RevertedSpike => Self::SUSPECT_FELL,
        }
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn has_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The newest reading, which a revision may still replace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Newest {
    pub(crate) reading: Reading,
    pub(crate) said: Said,
}

/// Finds anomalies in one series of readings. A new one is [`Detector::default`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detector {
    /// All before the suspect and the newest.
    pub(crate) accepted: Accepted,
    /// A jump whose fate the newest reading decides.
    pub(crate) suspect: Option<Reading>,
    pub(crate) newest: Option<Newest>,
}

/// A reading as it looks against those before it.
struct Judgement {
    /// Those before it, the suspect's fate decided.
    accepted: Accepted,
    /// What became of the suspect.
    fate: Option<(Said, Anomaly)>,
    /// Its own jump.
    jump: Option<Jump>,
}

impl Detector {
    /// Judges a reading against those before it, and keeps it. What leaves is what was not said before.
    ///
    /// A reading with a number that cannot be (a price that is not positive, a volume below zero, a coefficient
    /// that is not positive, anything not finite) is refused: nothing leaves, nothing changes.
    pub fn observe(&mut self, reading: &Reading) -> Vec<Anomaly> {
        let Some(reading) = reading.checked() else { return Vec::new() };
        let replaced = match self.newest {
            Some(newest) if reading.at < newest.reading.at || reading == newest.reading => return Vec::new(),
            Some(newest) if reading.at == newest.reading.at => Some(newest),
            Some(newest) => {
                self.settle(&newest);
                None
            }
            None => None,
        };
        let judgement = self.judge(&reading);
        let mut before = replaced.map_or_else(Said::default, |replaced| replaced.said);
        let mut out = Vec::new();
        let mut severity = Severity::Low;
        if let Some(replaced) = replaced
            && before.has_any(Said::SPIKE.with(Said::SPLIT_SUSPECTED))
            && let Some(level) = judgement.accepted.level
        {
            if stays(reading.price, replaced.reading.price, level.price) {
                severity = Severity::High;
            } else {
                // What comes now is another jump, if it is one.
                before = before.without(Said::SPIKE.with(Said::SPLIT_SUSPECTED).with(Said::CONFIRMED));
                out.extend(judgement.accepted.jump(&replaced.reading).map(|jump| jump.reverted()));
            }
        }
        let jump = judgement.jump.map(|jump| match severity {
            Severity::High if jump.is_suspect() => {
                (Said::of(jump.kind).with(Said::CONFIRMED), jump.anomaly(Severity::High))
            }
            _ => (Said::of(jump.kind), jump.anomaly(Severity::Low)),
        });
        let remarks = judgement.accepted.remarks(&reading).into_iter().flatten();
        let remarks = remarks.map(|anomaly| (Said::of(anomaly.kind), anomaly));
        let mut said = Said::default();
        for (about, anomaly) in judgement.fate.into_iter().chain(jump).chain(remarks) {
            said = said.with(about);
            if !before.has_all(about) {
                out.push(anomaly);
            }
        }
        self.newest = Some(Newest { reading, said });
        out
    }

    /// Nothing replaces the newest reading any more: it is accepted, or suspected until the next one.
    fn settle(&mut self, newest: &Newest) {
        let Judgement { accepted, jump, .. } = self.judge(&newest.reading);
        self.accepted = accepted;
        self.suspect = None;
        if jump.is_some_and(|jump| jump.is_suspect()) && !newest.said.has_any(Said::CONFIRMED) {
            self.suspect = Some(newest.reading);
        } else {
            self.accepted.accept(&newest.reading, jump.as_ref());
        }
    }

    fn judge(&self, reading: &Reading) -> Judgement {
        let mut accepted = self.accepted;
        let mut fate = None;
        if let (Some(suspect), Some(level)) = (&self.suspect, accepted.level) {
            let jump = accepted.jump(suspect);
            if stays(reading.price, suspect.price, level.price) {
                fate = jump.map(|jump| (Said::SUSPECT_STAYED, jump.anomaly(Severity::High)));
                accepted.accept(suspect, jump.as_ref());
            } else {
                fate = jump.map(|jump| (Said::SUSPECT_FELL, jump.reverted()));
            }
        }
        Judgement { jump: accepted.jump(reading), fate, accepted }
    }
}
