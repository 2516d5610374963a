//! Minutes of pairs: currencies, volume, grid, age.

use alphavantage::Verdict;
use market::{Basis, Fact, Freshness, Interval, Subject};

use crate::shape::{NOW, at, bar_in_short, crypto_minutes, crypto_request, fx_minutes, fx_request, read_at, read_now};

#[test]
fn a_bar_of_a_pair_says_what_the_vendor_wrote() {
    let labels = ["2026-11-20 15:20:00", "2026-11-20 15:15:00"];
    let crypto = read_now(&crypto_request(Interval::Min5), &crypto_minutes("5min", &labels));
    let fx = read_now(&fx_request(Interval::Min5), &fx_minutes("5min", &labels));
    for (reading, pair, close, volume) in [(crypto, "ETH/CHF", "2401", Some("636")), (fx, "EUR/CHF", "0.9314", None)] {
        assert_eq!((reading.verdict, reading.observations.len()), (Verdict::Data, 2));
        assert_eq!((reading.rejected.len(), reading.unknown_fields.len()), (0, 0));
        let Fact::Bar(bar) = &reading.observations[0].fact else { panic!("no bar") };
        assert_eq!(bar.subject, Some(Subject::Pair(pair.parse().unwrap())));
        assert_eq!((bar.basis, bar.freshness), (Basis::Raw, Freshness::Realtime));
        assert_eq!((bar.bar.start, bar.bar.interval), (at("2026-11-20T15:20:00Z"), Interval::Min5));
        assert_eq!((bar.bar.prices.close().to_string().as_str(), bar.bar.is_final), (close, true));
        assert_eq!(bar.bar.volume.map(|volume| volume.to_string()).as_deref(), volume);
    }
}

#[test]
fn volumes_are_numbers_or_texts() {
    let body = crypto_minutes("5min", &["2026-11-20 15:20:00"]);
    let expected = read_now(&crypto_request(Interval::Min5), &body);
    for volume in ["\"636\"", "636.0", "\"636.000\"", "6.36e2"] {
        assert_eq!(read_now(&crypto_request(Interval::Min5), &body.replace("636", volume)), expected, "{volume}");
    }
    let csv = "timestamp,open,high,low,close,volume\r\n2026-11-20 15:20:00,2400.5,2410,2390.25,2401,636\r\n";
    assert_eq!(read_now(&crypto_request(Interval::Min5), csv), expected);
    let csv = "timestamp,open,high,low,close\n2026-11-20 15:20:00,0.9312,0.9315,0.931,0.9314\n";
    let fx = read_now(&fx_request(Interval::Min5), &fx_minutes("5min", &["2026-11-20 15:20:00"]));
    assert_eq!(read_now(&fx_request(Interval::Min5), csv), fx);
}

#[test]
fn bars_of_pairs_stand_on_the_grid_of_utc_at_any_hour() {
    let crypto = |label: &str, now: &str| {
        let reading = read_at(&crypto_request(Interval::Min5), &crypto_minutes("5min", &[label]), now, None);
        match reading.observations.first() {
            Some(observation) => bar_in_short(observation),
            None => reading.rejected[0].reason.to_string(),
        }
    };
    // A Sunday before dawn, and a label that does not exist in New York.
    assert_eq!(crypto("2026-11-15 03:00:00", "2026-11-15T04:00:00Z"), "2026-11-15T03:00:00Z");
    assert_eq!(crypto("2026-03-08 02:30:00", "2026-03-08T02:35:30Z"), "2026-03-08T02:30:00Z partial");
    assert_eq!(crypto("2026-11-20 13:25:00", NOW), "2026-11-20T13:25:00Z stale");
    assert!(crypto("2026-11-20 15:21:00", NOW).contains("grid of interval `5min`"));
    assert!(crypto("2026-11-20 15:35:00", NOW).contains("lies in the future"));
    // Physical currencies rest on weekends.
    let fx = |now| {
        let reading = read_at(&fx_request(Interval::Min5), &fx_minutes("5min", &["2026-11-20 15:20:00"]), now, None);
        bar_in_short(&reading.observations[0])
    };
    assert_eq!(fx("2026-11-24T15:20:00Z"), "2026-11-20T15:20:00Z");
    assert_eq!(fx("2026-11-24T15:20:01Z"), "2026-11-20T15:20:00Z stale");
}
