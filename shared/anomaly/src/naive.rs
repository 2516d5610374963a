//! The rules once more, slow and obviously right: every decision from the whole history, in f64.
//!
//! Valid readings with rising times enter, what a detector has to say about each leaves.

use jiff::Timestamp;

use crate::{AnomalyKind, Kind, Reading, Severity};

pub(crate) type Decision = (AnomalyKind, Severity, Timestamp);

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

fn last_60(values: Vec<f64>) -> Vec<f64> {
    values[values.len().saturating_sub(60)..].to_vec()
}

fn hours(from: &Reading, to: &Reading) -> i64 {
    (to.at.as_second() - from.at.as_second()) / 3600
}

fn is_like(from: &Reading, to: &Reading) -> bool {
    let seconds = to.at.as_second() - from.at.as_second();
    seconds
        <= 3600
            * match to.kind {
                Kind::EquityIntraday => 4,
                Kind::EquityDaily => 120,
                Kind::Crypto | Kind::Fx => 26,
            }
}

#[derive(Default)]
struct Naive {
    /// Accepted readings, each with the sort of jump that led to it.
    kept: Vec<(Reading, Option<AnomalyKind>)>,
    suspect: Option<Reading>,
}

impl Naive {
    fn threshold(&self, kind: Kind) -> f64 {
        let floor = match kind {
            Kind::EquityIntraday => 0.05,
            Kind::EquityDaily => 0.2,
            Kind::Crypto => 0.1,
            Kind::Fx => 0.02,
        };
        let returns = self.kept.windows(2).filter_map(|pair| {
            let ((from, _), (to, jump)) = (pair[0], pair[1]);
            let is_split = matches!(jump, Some(AnomalyKind::Split | AnomalyKind::SplitSuspected));
            (!is_split && is_like(&from, &to)).then(|| (to.price / from.price).ln())
        });
        let returns = last_60(returns.collect());
        if returns.len() < 20 {
            return floor;
        }
        let centre = middle(returns.clone());
        floor.max(8.0 * middle(returns.iter().map(|value| (value - centre).abs()).collect()))
    }

    fn jump(&self, reading: &Reading) -> Option<AnomalyKind> {
        let (last, _) = self.kept.last()?;
        let ratio = reading.price / last.price;
        let threshold = self.threshold(reading.kind);
        match reading.split_coefficient {
            Some(coefficient) if coefficient != 1.0 && (ratio * coefficient).ln().abs() <= threshold => {
                return Some(AnomalyKind::Split);
            }
            _ if ratio.ln().abs() <= threshold => return None,
            _ => {}
        }
        let usual = [0.5, 2.0 / 3.0, 1.0 / 3.0, 0.25, 0.1]
            .into_iter()
            .any(|usual: f64| (ratio / usual).ln().abs() <= 0.05 || (ratio * usual).ln().abs() <= 0.05);
        let between_sessions = reading.kind == Kind::EquityDaily
            || (reading.kind == Kind::EquityIntraday && hours(last, reading) >= 4 && !is_like(last, reading));
        let denied = reading.split_coefficient == Some(1.0);
        Some(if usual && between_sessions && !denied { AnomalyKind::SplitSuspected } else { AnomalyKind::PriceSpike })
    }

    fn run(prices: impl DoubleEndedIterator<Item = Reading> + Clone) -> usize {
        let Some(last) = prices.clone().next_back() else { return 0 };
        prices.rev().take_while(|reading| reading.price == last.price).filter(|reading| reading.in_session).count()
    }

    fn observe(&mut self, reading: &Reading) -> Vec<Decision> {
        let mut decisions = Vec::new();
        if let Some(suspect) = self.suspect.take() {
            let before = self.kept.last().unwrap().0.price;
            let jump = self.jump(&suspect);
            if (reading.price / suspect.price).ln().abs() < (reading.price / before).ln().abs() {
                decisions.push((jump.unwrap(), Severity::High, suspect.at));
                self.kept.push((suspect, jump));
            } else {
                decisions.push((AnomalyKind::RevertedSpike, Severity::Low, suspect.at));
            }
        }
        let jump = self.jump(reading);
        decisions.extend(jump.map(|kind| (kind, Severity::Low, reading.at)));
        let counts = |reading: &Reading| reading.kind != Kind::EquityIntraday || reading.in_session;
        let volumes =
            self.kept.iter().filter(|(kept, _)| kept.is_final && counts(kept)).filter_map(|kept| kept.0.volume);
        let volumes = last_60(volumes.collect());
        if let Some(volume) = reading.volume
            && counts(reading)
            && volumes.len() >= 20
            && middle(volumes.clone()) > 0.0
            && volume > 20.0 * middle(volumes)
        {
            decisions.push((AnomalyKind::VolumeSpike, Severity::Low, reading.at));
        }
        let kept = self.kept.iter().map(|kept| kept.0);
        let moved = self.kept.last().is_none_or(|last| last.0.price != reading.price);
        if Self::run(kept.clone().chain([*reading])) >= 30 && (moved || Self::run(kept) < 30) {
            decisions.push((AnomalyKind::FlatLine, Severity::Low, reading.at));
        }
        match jump {
            Some(AnomalyKind::PriceSpike | AnomalyKind::SplitSuspected) => self.suspect = Some(*reading),
            _ => self.kept.push((*reading, jump)),
        }
        decisions
    }
}

/// What is to be said about each reading of a history.
pub(crate) fn decisions(history: &[Reading]) -> Vec<Vec<Decision>> {
    let mut naive = Naive::default();
    history.iter().map(|reading| naive.observe(reading)).collect()
}
