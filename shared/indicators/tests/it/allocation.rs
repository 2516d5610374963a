//! An update allocates nothing, whatever the indicators and wherever in their series they are.

use allocation_counter::measure;
use indicators::{IndicatorSet, Indicators, catalogue};

use crate::series::shapes;

/// Allocations of that many bars, from the first one on.
fn allocations(set: &mut IndicatorSet, bars: &[indicators::Bar]) -> u64 {
    let update = || bars.iter().for_each(|bar| assert!(set.update(bar).is_ok_and(|readings| readings.len() > 0)));
    measure(update).count_total
}

#[test]
fn an_update_allocates_nothing() {
    let default = Indicators::default();
    for (shape, bars) in shapes() {
        assert_eq!(allocations(&mut default.start(), &bars[..5_000]), 0, "{shape}");
        for text in catalogue() {
            let indicators: Indicators = text.parse().unwrap();
            assert_eq!(allocations(&mut indicators.start(), &bars[..2_000]), 0, "{text} on {shape}");
        }
    }
}

/// A counter that counts nothing would pass the test above.
#[test]
fn allocations_are_counted() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![0_u8; 8]))).count_total, 1);
}
