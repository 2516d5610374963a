//! Cases from seeds, each of which can be run again alone.

/// A seed that says how to repeat its case if that one panics.
struct Announced(u64);

impl Drop for Announced {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("TEST");
            eprintln!("the case of seed {0} failed; run it alone with: SEED={0} cargo test {test}", self.0);
        }
    }
}

/// Runs a case for seeds 0 to `cases`. The environment variable `SEED` runs that one alone, `CASES`
/// another number of them.
pub fn for_each_seed(cases: u64, case: impl Fn(u64)) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CASES").unwrap_or(cases),
    };
    for seed in seeds {
        let _announced = Announced(seed);
        case(seed);
    }
}
