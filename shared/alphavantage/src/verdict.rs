//! What a reply is, in one word, and what its reader should do next.

use std::fmt;

/// What to do after a reply, for the control flow of a poller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Take the observations, store what was rejected, and go on. There may be none of either.
    Use,
    /// Count a failure of this symbol or pair, do not ask again in this run, and go on with the next.
    Skip,
    /// Try the same request again after a short, jittered pause, if the quota has a call left for it.
    Retry,
    /// Close the quota for everybody until the limit's window is over, then try again.
    PauseThenRetry,
    /// Stop asking this function with this key; other functions go on.
    StopFunction,
    /// Read the secret once more, try again if the key has changed, or else stop the run and raise an alarm.
    RereadKey,
    /// Stop the run: no further call can succeed.
    StopRun,
}

macro_rules! verdicts {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $advice:ident, $what_to_do:literal;)+) => {
        /// What a reply is. Exactly one verdict for every reply, whatever its bytes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Verdict { $($(#[$doc])* $variant,)+ }

        impl Verdict {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name by which logs, metrics and reports count it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What the program should do.
            pub const fn advice(self) -> Advice {
                match self { $(Self::$variant => Advice::$advice,)+ }
            }

            /// What a person should do, in a sentence.
            pub const fn what_to_do(self) -> &'static str {
                match self { $(Self::$variant => $what_to_do,)+ }
            }
        }
    };
}

verdicts! {
    /// The expected key is there, with something in it: take the observations.
    Data = "data", Use,
        "nothing; look at the dead letters if rows were rejected";
    /// A success that holds nothing: a series without bars, a search without hits.
    Empty = "empty", Use,
        "nothing; if it persists, check that the symbol still trades";
    /// The vendor knows no such symbol or pair, or no longer: count a failure of this symbol.
    UnknownSymbol = "unknown_symbol", Skip,
        "check the spelling of the symbol and its exchange suffix, or take it off the watch list";
    /// More calls in a second than allowed: close the quota for 2 s and lower the rate.
    LimitSecond = "limit_second", PauseThenRetry,
        "lower the calls per second in the secret if this persists";
    /// More calls in a minute than allowed: close the quota until the next minute and 5 s. Twice in a
    /// row with at least 65 s between them, it is the day's limit: the vendor's older text does not say which.
    LimitMinute = "limit_minute", PauseThenRetry,
        "check that the plan in the secret is the one that was bought, and that nothing else uses the key";
    /// All calls of the day are spent: close the quota until the reset.
    LimitDay = "limit_day", StopRun,
        "wait for the next day, poll fewer symbols, or buy a larger plan";
    /// The plan does not include this function or parameter: close the function for a day, never retry.
    Premium = "premium", StopFunction,
        "disable the schedule of this function or buy a plan that includes it";
    /// The API key is wrong or missing: read the secret once more, then stop.
    BadKey = "bad_key", RereadKey,
        "put a valid API key into the secret";
    /// The public key `demo` is in use, which answers a few fixed examples only: as for a bad key.
    DemoKey = "demo_key", RereadKey,
        "replace the key `demo` in the secret by a key of your own";
    /// Made-up prices in a reply that looks like data: refuse it, raise an alarm, stop.
    Artificial = "artificial", StopRun,
        "disable this function: the plan does not include it, and the vendor sends sample prices instead";
    /// The request is wrong, or the symbol is one that time series do not know: count a failure of this symbol.
    BadRequest = "bad_request", Skip,
        "check the symbol and the parameters of the request";
    /// Trouble on the way or at the vendor: a status of 500 or above, a page of HTML, an internal error.
    Transient = "transient", Retry,
        "nothing; if it persists, look at the vendor's status";
    /// None of the known shapes: keep the redacted body and raise an alarm. Never "no data".
    UnknownShape = "unknown_shape", Skip,
        "look at the quarantined body: the vendor may have changed its format";
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_every_verdict_says_what_to_do() {
        let names: HashSet<_> = Verdict::ALL.iter().map(|verdict| verdict.as_str()).collect();
        assert_eq!(names.len(), 13);
        assert!(Verdict::ALL.iter().all(|verdict| !verdict.what_to_do().is_empty()));
    }
}
