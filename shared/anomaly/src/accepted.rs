//! What readings that are beyond doubt leave behind, and how the next one looks against it.

use jiff::Timestamp;

use crate::{
    finding::{Anomaly, AnomalyKind, Severity},
    reading::{Kind, Reading},
    ring::Ring,
    rule::{self, FLAT_READINGS},
};

/// A vendor's coefficient that differs from one by less says that there was no split.
const NO_SPLIT: f64 = 1e-9;

/// Price and time that the next reading is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    pub(crate) at: Timestamp,
    pub(crate) price: f64,
}

/// The fold of all accepted readings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Accepted {
    /// The last one.
    pub(crate) level: Option<Level>,
    /// How many readings in session, up to [`FLAT_READINGS`], had its price.
    pub(crate) unchanged: u8,
    /// The last returns of the series' own interval.
    pub(crate) returns: Ring,
    /// The last comparable volumes.
    pub(crate) volumes: Ring,
}

/// A move that is no usual return.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Jump {
    /// A price spike, a split, or a suspected one.
    pub(crate) kind: AnomalyKind,
    at: Timestamp,
    /// The logarithmic return.
    change: f64,
    /// How large it may be.
    threshold: f64,
    /// Price over price before as a split would have it.
    ratio: f64,
}

impl Jump {
    /// Whether it may be a misprint. What the vendor's coefficient explains is none.
    pub(crate) fn is_suspect(&self) -> bool {
        self.kind != AnomalyKind::Split
    }

    pub(crate) fn anomaly(&self, severity: Severity) -> Anomaly {
        let (value, threshold) = match self.kind {
            // Extreme numbers must not become infinite: no record could hold them.
            AnomalyKind::Split | AnomalyKind::SplitSuspected => (self.change.exp().min(f64::MAX), self.ratio),
            _ => (self.change, self.threshold),
        };
        Anomaly { kind: self.kind, severity, value, threshold, at: self.at }
    }

    pub(crate) fn reverted(&self) -> Anomaly {
        let (value, threshold) = (self.change, self.threshold);
        Anomaly { kind: AnomalyKind::RevertedSpike, severity: Severity::Low, value, threshold, at: self.at }
    }
}

/// Whether a price is nearer to that of a jump than to the one before: the half of the way, in logarithms, decides.
pub(crate) fn stays(price: f64, jumped: f64, before: f64) -> bool {
    (price.ln() - jumped.ln()).abs() < (price.ln() - before.ln()).abs()
}

impl Accepted {
    /// The jump that leads to a reading, if it is one.
    pub(crate) fn jump(&self, reading: &Reading) -> Option<Jump> {
        let level = self.level?;
        // The difference of logarithms is finite even where the quotient is not.
        let change = reading.price.ln() - level.price.ln();
        let threshold = rule::return_threshold(reading.kind, &self.returns);
        let jump = |kind, ratio| Some(Jump { kind, at: reading.at, change, threshold, ratio });
        let split = reading.split_coefficient.filter(|coefficient| (coefficient - 1.0).abs() > NO_SPLIT);
        if let Some(coefficient) = split
            && (change + coefficient.ln()).abs() <= threshold
        {
            return jump(AnomalyKind::Split, coefficient.recip().min(f64::MAX));
        }
        if change.abs() <= threshold {
            return None;
        }
        // Splits take effect between two sessions. A coefficient of one says that there was none.
        let overnight = match reading.kind {
            Kind::EquityDaily => true,
            Kind::EquityIntraday => !self.is_like_interval(reading),
            Kind::Crypto | Kind::Fx => false,
        };
        let denied = reading.split_coefficient.is_some() && split.is_none();
        match rule::usual_split(change).filter(|_| overnight && !denied) {
            Some(ratio) => jump(AnomalyKind::SplitSuspected, ratio),
            None => jump(AnomalyKind::PriceSpike, 1.0),
        }
    }

    fn is_like_interval(&self, reading: &Reading) -> bool {
        self.level.is_some_and(|level| reading.at.duration_since(level.at) <= reading.kind.longest_interval())
    }

    /// How many readings in session have this price with that one, up to [`FLAT_READINGS`]. Outside of the
    /// session a price that stays says nothing, and one that moves has moved.
    pub(crate) fn unchanged_with(&self, reading: &Reading) -> u8 {
        let before = match self.level {
            Some(level) if level.price == reading.price => self.unchanged,
            _ => 0,
        };
        (before + u8::from(reading.in_session)).min(FLAT_READINGS)
    }

    /// Remarks on a reading but for its jump.
    pub(crate) fn remarks(&self, reading: &Reading) -> [Option<Anomaly>; 2] {
        let low = |kind, value, threshold| Anomaly { kind, severity: Severity::Low, value, threshold, at: reading.at };
        let volume = reading.usual_volume().and_then(|volume| {
            let threshold = rule::volume_threshold(&self.volumes)?;
            (volume > threshold).then(|| low(AnomalyKind::VolumeSpike, volume, threshold))
        });
        let unchanged = self.unchanged_with(reading);
        let flat = (unchanged == FLAT_READINGS && self.unchanged < FLAT_READINGS)
            .then(|| low(AnomalyKind::FlatLine, f64::from(unchanged), f64::from(FLAT_READINGS)));
        [volume, flat]
    }

    /// Takes a reading for true. `jump` is the one that led to it.
    pub(crate) fn accept(&mut self, reading: &Reading, jump: Option<&Jump>) {
        let is_split = jump.is_some_and(|jump| jump.kind != AnomalyKind::PriceSpike);
        if let Some(level) = self.level
            && !is_split
            && self.is_like_interval(reading)
        {
            self.returns.push(reading.price.ln() - level.price.ln());
        }
        if let Some(volume) = reading.usual_volume().filter(|_| reading.is_final) {
            self.volumes.push(volume);
        }
        self.unchanged = self.unchanged_with(reading);
        self.level = Some(Level { at: reading.at, price: reading.price });
    }
}
