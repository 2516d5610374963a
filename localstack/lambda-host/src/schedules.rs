//! Fires schedules: expressions with their zones come in, events leave to the functions' queue when it is time.
//!
//! What a schedule hands over is an asynchronous event, as EventBridge and EventBridge Scheduler do it; what becomes of
//! a failure is that event's matter. Moments that pass while the host does not run are not made up for, and flexible
//! windows are not kept: a schedule fires at their beginning.

use std::{sync::Arc, time::Duration};

use emulator::client::REGION;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{
    asynchronous::Queue,
    destination::Parcel,
    http::Emulator,
    pool::{Request, new_request_id},
};

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// Its ARN, or that of the rule.
    pub arn: String,
    /// The name of the function.
    pub function: String,
    /// When it fires.
    pub expression: schedule::Schedule,
    /// The zone of the expression.
    pub zone: TimeZone,
    /// It does not fire before.
    pub start: Option<Timestamp>,
    /// It does not fire from then on.
    pub end: Option<Timestamp>,
    /// What the function is invoked with; none is the event that AWS makes.
    pub input: Option<String>,
    /// Whether it is a rule of EventBridge, and not of EventBridge Scheduler.
    pub is_rule: bool,
    /// The ARN of a queue for what cannot be handed over.
    pub dead_letter: Option<String>,
}

/// The time that schedules follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// A moment on the wall.
    pub real: Timestamp,
    /// What this clock showed then.
    pub shown: Timestamp,
    /// How much faster than the wall's it runs.
    pub speed: u32,
}

impl Clock {
    /// The clock on the wall.
    pub fn real() -> Self {
        Self { real: Timestamp::UNIX_EPOCH, shown: Timestamp::UNIX_EPOCH, speed: 1 }
    }

    fn at(&self, real: Timestamp) -> Timestamp {
        let passed = real.duration_since(self.real);
        let passed = passed.checked_mul(self.speed.try_into().unwrap_or(i32::MAX)).unwrap_or(SignedDuration::MAX);
        self.shown.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// How long to wait on the wall until this clock shows a moment.
    fn wait(&self, until: Timestamp) -> Duration {
        let left = until.duration_since(self.at(Timestamp::now()));
        Duration::try_from(left).unwrap_or_default() / self.speed.max(1)
    }
}

/// Fires one schedule for as long as it has moments to come.
pub(crate) async fn run(
    schedule: Schedule,
    clock: Clock,
    queue: Arc<Queue>,
    emulator: Option<Emulator>,
    fired: impl Fn(),
) {
    let begun = clock.at(Timestamp::now());
    // A rate counts from its start, or else from when it was made, which is about now.
    let anchor = schedule.start.unwrap_or(begun);
    let mut after = begun.max(anchor.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(anchor));
    while let Some(at) = schedule.expression.next(&schedule.zone, anchor, after) {
        if schedule.end.is_some_and(|end| at >= end) {
            return;
        }
        tokio::time::sleep(clock.wait(at)).await;
        let id = new_request_id();
        let event = event(&schedule, at, &id);
        let request = Request { event: event.clone().into(), ..Request::default() };
        if queue.take(&schedule.function, request) {
            fired();
        } else if let (Some(arn), Some(emulator)) = (&schedule.dead_letter, &emulator) {
            let attributes = vec![("ERROR_CODE", "ResourceNotFoundException".to_owned())];
            // AWS drops what the queue does not take, and so does this.
            let _ = emulator.deliver(arn, &Parcel { body: event.into(), key: String::new(), attributes }).await;
        }
        after = at;
    }
}

/// What the function is invoked with.
fn event(schedule: &Schedule, at: Timestamp, id: &str) -> String {
    let time = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    if let Some(input) = &schedule.input {
        if schedule.is_rule {
            return input.clone();
        }
        return input
            .replace("<aws.scheduler.schedule-arn>", &schedule.arn)
            .replace("<aws.scheduler.scheduled-time>", &time)
            .replace("<aws.scheduler.execution-id>", id)
            .replace("<aws.scheduler.attempt-number>", "1");
    }
    let account = schedule.arn.split(':').nth(4).unwrap_or_default();
    let (source, detail) = if schedule.is_rule { ("aws.events", json!({})) } else { ("aws.scheduler", json!("{}")) };
    json!({
        "version": "0", "id": id, "detail-type": "Scheduled Event", "source": source, "account": account,
        "time": time, "region": REGION, "resources": [schedule.arn], "detail": detail,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(input: Option<&str>, is_rule: bool) -> Schedule {
        Schedule {
            name: "daily".to_owned(),
            arn: "arn:aws:scheduler:us-east-1:000000000000:schedule/default/daily".to_owned(),
            function: "f".to_owned(),
            expression: schedule::Schedule::parse("rate(1 day)").unwrap(),
            zone: TimeZone::UTC,
            start: None,
            end: None,
            input: input.map(str::to_owned),
            is_rule,
            dead_letter: None,
        }
    }

    #[test]
    fn events_are_those_of_aws() {
        let at: Timestamp = "2026-11-02T14:30:00Z".parse().unwrap();
        let input = r#"{"at":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>"}"#;
        assert_eq!(event(&schedule(Some(input), false), at, "1"), r#"{"at":"2026-11-02T14:30:00Z","id":"1"}"#);
        assert_eq!(event(&schedule(Some(input), true), at, "1"), input);
        let made: serde_json::Value = serde_json::from_str(&event(&schedule(None, true), at, "1")).unwrap();
        assert_eq!((&made["source"], &made["time"]), (&json!("aws.events"), &json!("2026-11-02T14:30:00Z")));
        assert_eq!(made["account"], "000000000000");
    }

    #[test]
    fn a_clock_may_run_faster() {
        let real: Timestamp = "2026-11-02T14:30:00Z".parse().unwrap();
        let shown: Timestamp = "2026-03-02T14:30:00Z".parse().unwrap();
        let clock = Clock { real, shown, speed: 60 };
        assert_eq!(clock.at(real + SignedDuration::from_secs(2)), shown + SignedDuration::from_secs(120));
        let now = Timestamp::now();
        assert_eq!(Clock::real().at(now), now);
    }
}
