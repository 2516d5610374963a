//! Which entries to ask next: a cursor and a number of calls enter, places in the list leave.

use jiff::{SignedDuration, Timestamp};

use crate::{
    Cursor, Priority, WatchList,
    cursor::{Moments, TURNS, millis},
};

/// Of [`TURNS`] calls, how many are for hot entries.
const HOT_OF_TURNS: usize = 7;
/// How many times its target an entry's last success may be old before it goes first.
const OVERDUE: u64 = 2;
/// A noted moment this far ahead is the fault of a clock and counts as never.
const AHEAD_MILLIS: u64 = 60_000;

impl Cursor {
    /// Which entries to ask next with that many calls, in the order in which to ask.
    ///
    /// Only those of which `is_due(index)` says so. Hot entries have 7 of 10 calls and the others 3; what one
    /// tier does not need goes to the other. They take turns call by call, from pick to pick, so that the
    /// shares hold however few calls there are and wherever a run has to stop. Within a tier those overdue go
    /// first: their last success is more than twice `target` ago, and their last attempt more than once, so
    /// that an entry which always fails takes no more than its part. Then goes who was attempted least
    /// recently, who never was first of all; then the list's order decides.
    ///
    /// Nobody jumps out of a tier: at the open all are overdue, and hot ones would wait for the whole list. But
    /// a hot entry does not take its turn before one that was never asked unless it is overdue itself, nor
    /// before one that is overdue if it was asked within `target`: on a list that is too long for the calls,
    /// hot ones are first in the round and do not hold it up.
    pub fn pick<T>(
        &self,
        list: &WatchList<T>,
        now: Timestamp,
        slots: usize,
        target: SignedDuration,
        is_due: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let now = millis(now);
        let target = u64::try_from(target.as_millis()).unwrap_or(0);
        let (mut hot, mut normal): (Vec<Waiting>, Vec<Waiting>) = (Vec::new(), Vec::new());
        for (index, (entry, watched)) in self.entries.iter().zip(list.entries()).enumerate() {
            if is_due(index) {
                let tier = if watched.priority == Priority::Hot { &mut hot } else { &mut normal };
                tier.push((!is_overdue(entry, now, target), believed(entry.attempted_at, now), index));
            }
        }
        hot.sort_unstable();
        normal.sort_unstable();
        let (mut hot, mut normal) = (hot.into_iter().peekable(), normal.into_iter().peekable());
        let gives_way = |hot: &Waiting, normal: &Waiting| {
            let (is_overdue, was_asked) = (|waiting: &Waiting| !waiting.0, |waiting: &Waiting| waiting.1 > 0);
            let is_fresh = now.saturating_sub(hot.1) <= target;
            was_asked(hot) && ((!was_asked(normal) && !is_overdue(hot)) || (is_overdue(normal) && is_fresh))
        };
        let turn = usize::from(self.turn);
        let next = |call: usize| {
            let held_up = hot.peek().zip(normal.peek()).is_some_and(|(hot, normal)| gives_way(hot, normal));
            match is_hot_turn(turn + call) && !held_up {
                true => hot.next().or_else(|| normal.next()),
                false => normal.next().or_else(|| hot.next()),
            }
        };
        (0..slots).map_while(next).map(|(_, _, index)| index).collect()
    }
}

/// An entry that is due: whether it is not overdue, when it was asked last (0 for never), where it stands.
type Waiting = (bool, u64, usize);

/// Whether a call is a hot entry's: of every number of calls from the first on, 70 % are, rounded up.
fn is_hot_turn(call: usize) -> bool {
    let part = |calls: usize| (HOT_OF_TURNS * calls).div_ceil(TURNS);
    part(call + 1) > part(call)
}

/// A noted moment, 0 if it cannot be.
fn believed(noted: u64, now: u64) -> u64 {
    if noted > now + AHEAD_MILLIS { 0 } else { noted }
}

fn is_overdue(entry: &Moments, now: u64, target: u64) -> bool {
    let older = |noted, than| now.saturating_sub(believed(noted, now)) > than;
    older(entry.succeeded_at, OVERDUE.saturating_mul(target)) && older(entry.attempted_at, target)
}
