//! Slots of one poller, with a ledger that fails as it is told.

use flow::{Limits, QuotaState, Reason, RefusalClass};
use jiff::SignedDuration;
use pipeline::{
    Denied, RateLimiter, SLOT_LIFETIME, Why, named_per_second,
    port::{QuotaError, Runtime},
};
use testkit::{Fault, ManualTime, MemoryQuota};

const FUNCTION: &str = "GLOBAL_QUOTE";
const NOON: &str = "2026-11-20T17:00:00Z";
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

fn free() -> Limits {
    Limits::of_plan(1, None, Some(25))
}

fn paid() -> Limits {
    Limits::of_plan(5, Some(75), None)
}

fn limiter<'a>(
    quota: &'a MemoryQuota,
    time: &'a ManualTime,
    limits: Limits,
) -> RateLimiter<'a, MemoryQuota, ManualTime> {
    RateLimiter::new(quota, time, limits, SLOT_LIFETIME)
}

fn new() -> (MemoryQuota, ManualTime) {
    (MemoryQuota::default(), ManualTime::at(NOON))
}

#[tokio::test]
async fn a_slot_comes_after_one_spacing_and_dies_soon() {
    let (quota, time) = new();
    let limiter = limiter(&quota, &time, free());
    let grant = limiter.acquire(FUNCTION, MARGIN).await.unwrap();
    assert_eq!(time.sleeps(), [free().spacing]);
    assert!(grant.is_alive(&time));
    time.advance(SLOT_LIFETIME - SignedDuration::from_millis(1));
    assert!(grant.is_alive(&time));
    time.advance(SignedDuration::from_millis(1));
    assert!(!grant.is_alive(&time));
    assert_eq!(quota.stored().0.left_today(&free(), time.now()), Some(23), "a slot that died stays counted");
    // Calls take their time, which is not waited for once more.
    time.advance(SignedDuration::from_secs(1));
    limiter.acquire(FUNCTION, MARGIN).await.unwrap();
    assert_eq!(time.sleeps()[1..], [SignedDuration::from_millis(200)]);
    assert_eq!(quota.loads.calls(), 1, "the version that was written is known");
}

#[tokio::test]
async fn who_loses_waits_one_spacing_again() {
    for (fault, slots) in [(Fault::Overtaken, 1), (Fault::After, 2), (Fault::Before, 1)] {
        let (quota, time) = new();
        quota.saves.script([Some(fault.clone())]);
        limiter(&quota, &time, free()).acquire(FUNCTION, MARGIN).await.unwrap();
        assert_eq!(time.sleeps(), [free().spacing, free().spacing], "{fault:?}");
        assert_eq!(quota.stored().0.left_today(&free(), time.now()), Some(24 - slots), "{fault:?}");
    }
}

#[tokio::test]
async fn nobody_waits_past_the_end() {
    let (quota, time) = new();
    let limiter = limiter(&quota, &time, free());
    limiter.refused(RefusalClass::Minute, FUNCTION, None).await.unwrap();
    time.begin_invocation(SignedDuration::from_secs(60));
    let until = "2026-11-20T17:01:05Z".parse().ok();
    let denied = Denied { why: Why::Quota(Reason::Cooldown(RefusalClass::Minute)), until };
    assert_eq!(limiter.acquire(FUNCTION, MARGIN).await, Err(denied));
    assert_eq!(time.sleeps(), []);
    time.begin_invocation(SignedDuration::from_secs(120));
    limiter.acquire(FUNCTION, MARGIN).await.unwrap();
    assert!(time.now() >= "2026-11-20T17:01:05Z".parse().unwrap());

    // Others are always first.
    quota.saves.always(Fault::Overtaken);
    time.begin_invocation(SignedDuration::from_secs(60));
    assert_eq!(limiter.acquire(FUNCTION, MARGIN).await, Err(Denied { why: Why::Contended, until: None }));
    assert!(time.remaining() >= MARGIN);
}

#[tokio::test]
async fn without_the_ledger_a_day_with_a_limit_is_closed_and_others_go_slower() {
    let breaks: [fn(&MemoryQuota); 3] =
        [|quota| quota.loads.always(Fault::Before), |quota| quota.saves.always(Fault::Before), MemoryQuota::spoil];
    for break_down in breaks {
        let (quota, time) = new();
        break_down(&quota);
        let denied = limiter(&quota, &time, free()).acquire(FUNCTION, MARGIN).await.unwrap_err();
        assert!(matches!(denied.why, Why::Ledger(_)), "{denied}");

        let limiter = limiter(&quota, &time, paid());
        let mut made = Vec::new();
        for _ in 0..5 {
            let grant = limiter.acquire(FUNCTION, MARGIN).await.unwrap();
            assert!(grant.alone.is_some() && grant.is_alive(&time));
            made.push(time.elapsed());
        }
        assert!(made[0] >= paid().spacing * 4);
        assert!(made.is_sorted_by(|a, b| *b - *a >= paid().spacing * 4), "{made:?}");
        // What the vendor refuses holds for oneself, if nobody else can be told.
        limiter.refused(RefusalClass::Premium, FUNCTION, None).await.unwrap();
        let denied = limiter.acquire(FUNCTION, MARGIN).await.unwrap_err();
        assert_eq!(denied.why, Why::Quota(Reason::FunctionClosed));
    }
}

#[tokio::test]
async fn a_ledger_that_comes_back_is_asked_again() {
    let (quota, time) = new();
    quota.loads.script([Some(Fault::Before)]);
    let limiter = limiter(&quota, &time, paid());
    assert!(limiter.acquire(FUNCTION, MARGIN).await.unwrap().alone.is_some());
    time.advance(SignedDuration::from_secs(30));
    assert_eq!(limiter.acquire(FUNCTION, MARGIN).await.unwrap().alone, None);
    assert_eq!(quota.stored().1, 1);
}

#[tokio::test]
async fn what_is_reported_is_written_once_and_for_everybody() {
    let (quota, time) = new();
    let (one, two) = (limiter(&quota, &time, free()), limiter(&quota, &time, free()));
    one.accepted().await.unwrap();
    assert_eq!(quota.stored().1, 0, "there is nothing to tell");
    quota.saves.script([Some(Fault::Overtaken), Some(Fault::Before), Some(Fault::After)]);
    one.refused(RefusalClass::Minute, FUNCTION, None).await.unwrap();
    quota.saves.none();
    let denied = two.acquire("CURRENCY_EXCHANGE_RATE", SignedDuration::from_mins(14)).await.unwrap_err();
    assert_eq!(denied.why, Why::Quota(Reason::Cooldown(RefusalClass::Minute)));
    assert!(quota.stored().0.accepted().is_some());
    one.accepted().await.unwrap();
    assert!(quota.stored().0.accepted().is_none());

    quota.spoil();
    let error = limiter(&quota, &time, free()).refused(RefusalClass::Day, FUNCTION, None).await.unwrap_err();
    assert!(matches!(error, QuotaError::State(_)));
}

#[tokio::test]
async fn a_ledger_that_a_wrong_clock_left_ahead_is_set_back() {
    let (quota, time) = new();
    let ahead = time.now() + SignedDuration::from_hours(24 * 365);
    quota.put(&QuotaState::default().grant(&free(), ahead, FUNCTION).unwrap());
    limiter(&quota, &time, free()).acquire(FUNCTION, MARGIN).await.unwrap();
    assert_eq!(quota.stored().0.left_today(&free(), time.now()), Some(22), "its call may have been one of today");
    assert_eq!(quota.stored().1, 3);
}

#[test]
fn the_vendors_words_name_a_figure_or_none() {
    let check = |message: &str, expected| assert_eq!(named_per_second(message), expected, "{message}");
    check("Burst pattern detected. Please consider no more than 5 requests per second.", Some(5));
    check("Please send them sparingly (1 request per second) to stay below 25 requests per day", Some(1));
    check("Burst pattern detected. Please consider spreading out your API requests.", None);
    check("our standard API rate limit is 25 requests per day", None);
    check("some requests per second", None);
    check("requests per second", None);
}
