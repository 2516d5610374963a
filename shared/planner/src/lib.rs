//! Who is asked when.
//!
//! A watch list, the cursor of what was asked and the time enter; which entries to ask next, and as which
//! calls, leaves. [`plan_day`] runs the same rules over a whole day ahead. Nothing here calls, waits,
//! reads a clock or keeps the cursor: whoever polls does.

mod allowance;
mod call;
mod cursor;
mod day;
mod due;
mod pick;
mod watch;

#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use call::{BULK_MAX, Call, requests};
pub use cursor::{Cursor, CursorError};
pub use day::{DayPlan, Entry, Job, Planned, RESERVE, Served, Skipped, Tick, Tier, Why, plan_day};
pub use due::{Due, Opening, Reason, Trading, is_due};
pub use watch::{Priority, WatchList, WatchListError, Watched};
