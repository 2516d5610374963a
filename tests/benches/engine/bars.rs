//! A walk of prices from a seed, as one minute after the other brings it.

use fastrand::Rng;
use indicators::Bar;

/// That many bars of one session, the same at each call.
pub(crate) fn walk(bars: usize) -> Vec<Bar> {
    let random = &mut Rng::with_seed(20_261_121);
    let mut close = 100.0;
    let bar = |_| {
        let mut part = |size: f64| size * (random.f64() + random.f64() + random.f64() - 1.5);
        let (gap, body, up, down) = (part(0.004), part(0.02), part(0.01).abs(), part(0.01).abs());
        let pull = 1e-3 * (100.0_f64 / close).ln();
        let open = close * (1.0 + gap);
        close = open * (1.0 + body + pull);
        let (high, low) = (open.max(close) * (1.0 + up), open.min(close) * (1.0 - down));
        Bar { open, high, low, close, volume: Some(random.u32(1..1_000_000).into()), session: 0 }
    };
    (0..bars).map(bar).collect()
}
