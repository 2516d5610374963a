//! Bars that the clock closes, and when somebody has to look.

use super::*;

#[test]
fn the_clock_closes_sampled_bars_and_says_when() {
    let id = id("pair|BTC/USD|sampled|raw|intraday");
    let mut writer = Writer::default();
    for bar in 0..20 {
        writer.take(&id, &[reading(bar, 5, 100.0), reading(bar, 50, 101.0)], DAY + bar * MINUTE + 55_000);
    }
    // Bars 0 to 16 are closed: minute 19:55 is past the end of bar 16 and 125 seconds.
    assert_eq!(writer.last().len(), 3, "RSI and ATR read from bar 14 on");
    assert_eq!(writer.item.due(&settings()), Some(at(DAY + 18 * MINUTE + 125_000)));
    writer.take(&id, &[], DAY + 60 * MINUTE);
    assert_eq!(writer.last().len(), 6);
    assert_eq!(writer.item.due(&settings()), None);
    // A reading that comes late is a revision of its bar and of every one behind it.
    let lines = writer.lines.len();
    writer.take(&id, &[reading(18, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!(writer.lines.len(), lines + 2);
    assert!(writer.lines[&(Interval::Min1, DAY + 18 * MINUTE, 1)].contains(r#""rev":1"#));
    // One that comes later than can be revised is counted, and changes nothing.
    let before = writer.item.clone();
    writer.take(&id, &[reading(0, 30, 250.0)], DAY + 60 * MINUTE);
    assert_eq!((writer.late, &writer.item), (1, &before));
}
