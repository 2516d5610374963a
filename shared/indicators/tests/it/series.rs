//! Seeded bars of several shapes.

use fastrand::Rng;
use indicators::Bar;

/// How many bars each shape has.
pub(crate) const BARS: usize = 20_000;

/// Each shape with its name.
pub(crate) fn shapes() -> Vec<(&'static str, Vec<Bar>)> {
    vec![
        ("walk", bars(1, 100.0, |_, _| Step::Move(0.0))),
        ("trend", bars(2, 100.0, |_, _| Step::Move(3e-4))),
        ("flat stretches", bars(3, 100.0, |_, index| if index / 150 % 3 == 1 { Step::Stay } else { Step::Move(0.0) })),
        ("zero range", bars(4, 100.0, |random, _| if random.u8(..4) > 0 { Step::Jump } else { Step::Move(0.0) })),
        ("misprint", misprint(bars(5, 100.0, |_, _| Step::Move(0.0)))),
        ("zero volume", no_volume(bars(8, 100.0, |_, _| Step::Move(0.0)))),
        ("micro", bars(6, 1e-8, |_, _| Step::Move(0.0))),
        ("high", bars(7, 1e5, |_, _| Step::Move(0.0))),
    ]
}

enum Step {
    /// A bar with shadows, drifting by a part of the price.
    Move(f64),
    /// Nothing moves.
    Stay,
    /// A gap, then a bar without a range.
    Jump,
}

fn bars(seed: u64, price: f64, step: impl Fn(&mut Rng, usize) -> Step) -> Vec<Bar> {
    let random = &mut Rng::with_seed(seed);
    let mut close = price;
    (0..BARS)
        .map(|index| {
            let mut part = |size: f64| size * (random.f64() + random.f64() + random.f64() - 1.5);
            let (gap, body, up, down) = (part(0.004), part(0.02), part(0.01).abs(), part(0.01).abs());
            // The pull to the first price keeps 20,000 bars of a walk within sight of it.
            let pull = 1e-3 * (price / close).ln();
            let (volume, session) = (Some(random.u32(..1_000_000).into()), index as u32 / 390);
            match step(random, index) {
                Step::Move(drift) => {
                    let open = close * (1.0 + gap);
                    close = open * (1.0 + body + if drift == 0.0 { pull } else { drift });
                    let (top, bottom) = (open.max(close), open.min(close));
                    Bar { open, high: top * (1.0 + up), low: bottom * (1.0 - down), close, volume, session }
                }
                Step::Jump => {
                    close *= 1.0 + body + pull;
                    Bar { open: close, high: close, low: close, close, volume, session }
                }
                Step::Stay => Bar { open: close, high: close, low: close, close, volume, session },
            }
        })
        .collect()
}

/// One bar in the middle is printed a hundredfold.
fn misprint(mut bars: Vec<Bar>) -> Vec<Bar> {
    let bar = &mut bars[BARS / 2];
    bar.close *= 100.0;
    bar.high = bar.close;
    bars
}

/// Half of the bars have no volume, in stretches longer than any window too.
fn no_volume(mut bars: Vec<Bar>) -> Vec<Bar> {
    for (index, bar) in bars.iter_mut().enumerate() {
        if index % 3 == 0 || index / 200 % 4 == 0 {
            bar.volume = Some(0.0);
        }
    }
    bars
}
