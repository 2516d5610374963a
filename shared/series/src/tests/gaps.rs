//! Bars that the calendar expected and that are missing.

use super::*;

fn gaps(writer: &Writer) -> Vec<(i64, u32)> {
    let flagged = writer.lines.iter().filter(|(_, line)| line.contains(r#""flags":["gap_before"]"#));
    flagged.map(|(&(_, start, rev), _)| (start, rev)).collect()
}

#[test]
fn a_bar_behind_missing_minutes_says_so_until_they_are_there() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let mut writer = Writer::default();
    let bar = |nth: i64| version(nth, 1, true);
    let facts: Vec<_> = (0..40).map(bar).collect();
    for nth in (0..26).chain(29..32) {
        // Again and again: the gap is counted once.
        for _ in 0..2 {
            writer.take(&id, &[bar(nth)], DAY + nth * MINUTE);
        }
    }
    assert_eq!((gaps(&writer), writer.gaps), (vec![(DAY + 29 * MINUTE, 0)], 1));
    // The half of it makes it smaller, the other half ends it.
    writer.take(&id, &facts[26..28], DAY + 32 * MINUTE);
    assert_eq!(gaps(&writer), [(DAY + 29 * MINUTE, 0), (DAY + 29 * MINUTE, 1)]);
    writer.take(&id, &facts[28..], DAY + 40 * MINUTE);
    assert_eq!((gaps(&writer).len(), writer.gaps), (2, 1));
    assert!(writer.lines.contains_key(&(Interval::Min1, DAY + 29 * MINUTE, 2)));
    assert_eq!(writer.last(), naive(&id, &facts));
}

#[test]
fn the_flag_is_no_part_of_the_identity() {
    let series = wire::SeriesText::new(
        &id("pair|BTC/USD|vendor|raw|intraday").subject,
        Interval::Min1,
        market::Basis::Raw,
        market::Origin::Vendor,
    );
    let ids = [&[][..], &[wire::IndicatorFlag::GapBefore][..]].map(|flags| {
        let name = wire::OutputName::new("SMA(3)");
        let readings = [wire::IndicatorReading { name: &name, value: Some(1.0), warm: true, bars: 3 }];
        let record = wire::indicator(&wire::IndicatorBody {
            series: &series,
            start: at(DAY),
            freshness: Freshness::Realtime,
            bars: 3,
            prices: [1.0; 4],
            volume: None,
            readings: &readings,
            flags,
        });
        wire::decode(record.to_json(0, at(DAY)).as_bytes()).unwrap().id
    });
    assert_eq!(ids[0], ids[1]);
}

/// Begins of the trading days of two weeks and a half.
fn days() -> Vec<i64> {
    let days = [2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18];
    days.map(|day| format!("2026-11-{day:02}T14:30:00Z").parse::<Timestamp>().unwrap().as_millisecond()).to_vec()
}

fn daily(nth: usize) -> SeriesFact {
    vendor(Interval::Day, days()[nth], 1, true, prices(nth as i64, 1))
}

fn expected(id: &SeriesId, nths: impl IntoIterator<Item = usize>) -> BTreeMap<i64, String> {
    let bars = nths.into_iter().map(|nth| (days()[nth], prices(nth as i64, 1)));
    computed(id, Interval::Day, &"SMA(2)".parse().unwrap(), bars)
}

#[test]
fn a_daily_series_waits_for_a_missing_day_but_not_for_ever() {
    let id = id("symbol|MSFT|vendor|raw|daily");
    let take = |writer: &mut Writer, nths: &[usize]| {
        for nth in nths {
            writer.take(&id, &[daily(*nth)], days()[*nth] + 8 * 3_600_000);
        }
    };
    // Filled while it waits: nobody ever reads over the gap.
    let mut writer = Writer::new(with("SMA(2)", ""));
    take(&mut writer, &[0, 1, 2, 4, 5]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, 0..3));
    take(&mut writer, &[3]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, 0..6));
    assert!(writer.lines.keys().all(|(_, _, rev)| *rev == 0) && writer.gaps == 0 && gaps(&writer).is_empty());
    // Three bars behind it: it goes on, and says so.
    let mut writer = Writer::new(with("SMA(2)", ""));
    take(&mut writer, &[0, 1, 2, 4, 5, 6]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, [0, 1, 2, 4, 5, 6]));
    assert_eq!((gaps(&writer), writer.gaps), (vec![(days()[4], 0)], 1));
    // Filled after all: what is behind it is read anew.
    take(&mut writer, &[7, 3]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, 0..8));
    assert_eq!((gaps(&writer).len(), writer.gaps), (1, 1));
    // A second gap waits for itself.
    take(&mut writer, &[9, 10]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, 0..8));
    take(&mut writer, &[8, 11, 12]);
    assert_eq!(writer.last_of(Interval::Day), expected(&id, 0..13));
}
