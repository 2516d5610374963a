//! Faults on demand: JSON enters, a list of what to answer wrongly to whom leaves.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{function::Function, limits::Plan, refusal::Refusal};

/// Longest delay that may be asked for.
pub const DELAY_MAX: Duration = Duration::from_secs(600);

/// What is wrong with a reply that is otherwise as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// The JSON stops in the middle; HTTP is in order.
    BrokenJson,
    /// The connection is closed in the middle of the body.
    Cut,
    /// One price is below zero.
    NegativePrice,
    /// One bar, quote or rate lies where the market was closed.
    OutOfSession,
    /// The reply is about something else than was asked for.
    WrongSymbol,
}

impl Spoiled {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::BrokenJson => "broken_json",
            Self::Cut => "cut",
            Self::NegativePrice => "negative_price",
            Self::OutOfSession => "out_of_session",
            Self::WrongSymbol => "wrong_symbol",
        }
    }
}

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// An answer without data.
    Refuse(Refusal),
    /// The usual reply, spoiled.
    Spoil(Spoiled),
    /// The usual reply, late by the clock on the wall.
    Delay(Duration),
    /// No reply for as long as the connection lasts.
    Hang,
}

/// The name of [`Effect::Hang`].
pub(crate) const HANG: &str = "hang";

/// The answers that may be asked for. A burst is refused in the words for the free plan, the
/// hardest to tell from the daily limit and from a premium endpoint.
const ANSWERS: [(&str, Effect); 20] = [
    ("limit_second", Effect::Refuse(Refusal::LimitSecond(Plan::Free))),
    ("limit_minute", Effect::Refuse(Refusal::LimitMinute)),
    ("limit_day", Effect::Refuse(Refusal::LimitDay)),
    ("premium", Effect::Refuse(Refusal::Premium)),
    ("bad_key", Effect::Refuse(Refusal::BadKey)),
    ("demo_key", Effect::Refuse(Refusal::DemoKey)),
    ("artificial", Effect::Refuse(Refusal::Artificial)),
    ("bad_request", Effect::Refuse(Refusal::BadRequest)),
    ("unknown_symbol", Effect::Refuse(Refusal::UnknownSymbol)),
    ("no_articles", Effect::Refuse(Refusal::NoArticles)),
    ("not_acceptable", Effect::Refuse(Refusal::NotAcceptable)),
    ("empty", Effect::Refuse(Refusal::Empty)),
    ("http_503", Effect::Refuse(Refusal::Http503)),
    ("unknown_shape", Effect::Refuse(Refusal::UnknownShape)),
    ("broken_json", Effect::Spoil(Spoiled::BrokenJson)),
    ("negative_price", Effect::Spoil(Spoiled::NegativePrice)),
    ("out_of_session", Effect::Spoil(Spoiled::OutOfSession)),
    ("cut", Effect::Spoil(Spoiled::Cut)),
    ("wrong_symbol", Effect::Spoil(Spoiled::WrongSymbol)),
    (HANG, Effect::Hang),
];

/// A wrong answer to requests that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    function: Option<Function>,
    symbol: Option<String>,
    left: Option<u64>,
    answer: String,
    effect: Effect,
}

/// Why a text is no list of faults; the message lists what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// Not JSON, or not of the right shape.
    #[error("this is not a list of faults: {0}; {allowed}", allowed = allowed())]
    Shape(String),
    /// Values that are not allowed, all of them.
    #[error("{}; {allowed}", .0.join("; "), allowed = allowed())]
    Values(Vec<String>),
}

fn allowed() -> String {
    let functions = Function::ALL.map(Function::as_str).join(", ");
    let answers = ANSWERS.map(|(name, _)| name).join(", ");
    format!(
        "allowed is a JSON list of {{\"function\": one of {functions} or null for all, \"symbol\": a symbol or BASE/QUOTE \
         or null for all, \"times\": 1 or more, or null for always, \"answer\": one of {answers}, delay_ms:N}}, where N is \
         0 to {}",
        DELAY_MAX.as_millis()
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    function: Option<String>,
    symbol: Option<String>,
    times: Option<u64>,
    answer: String,
}

impl Fault {
    /// Reads a JSON list of faults, and names all of its mistakes at once.
    pub fn parse_list(text: &[u8]) -> Result<Vec<Self>, FaultsError> {
        let written: Vec<Written> =
            serde_json::from_slice(text).map_err(|error| FaultsError::Shape(error.to_string()))?;
        let (mut faults, mut mistakes) = (Vec::new(), Vec::new());
        for (index, one) in written.into_iter().enumerate() {
            match Self::check(one) {
                Ok(fault) => faults.push(fault),
                Err(found) => {
                    mistakes.extend(found.into_iter().map(|mistake| format!("fault {}: {mistake}", index + 1)))
                }
            }
        }
        if mistakes.is_empty() { Ok(faults) } else { Err(FaultsError::Values(mistakes)) }
    }

    fn check(written: Written) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let function = written.function.as_deref().and_then(Function::find);
        if let (Some(name), None) = (&written.function, function) {
            mistakes.push(format!("function `{name}` is not served"));
        }
        if written.times == Some(0) {
            mistakes.push("times `0` does nothing".to_owned());
        }
        if written.symbol.as_deref() == Some("") {
            mistakes.push("symbol `` matches nothing".to_owned());
        }
        let effect = effect(&written.answer);
        if effect.is_none() {
            mistakes.push(format!("answer `{}` is not known", written.answer));
        }
        match effect {
            Some(effect) if mistakes.is_empty() => Ok(Self {
                function,
                symbol: written.symbol.map(|symbol| symbol.to_ascii_uppercase()),
                left: written.times,
                answer: written.answer,
                effect,
            }),
            _ => Err(mistakes),
        }
    }

    fn matches(&self, function: Function, subject: &str) -> bool {
        self.left != Some(0)
            && self.function.is_none_or(|own| own == function)
            // One symbol of a list is enough.
            && self.symbol.as_deref().is_none_or(|own| own == subject || subject.split(',').any(|part| part.trim() == own))
    }

    /// The fault as it was written, with the number of times that are left.
    pub(crate) fn status(&self) -> Value {
        json!({
            "function": self.function.map(Function::as_str), "symbol": self.symbol, "times": self.left, "answer": self.answer,
        })
    }
}

fn effect(answer: &str) -> Option<Effect> {
    if let Some(milliseconds) = answer.strip_prefix("delay_ms:") {
        let delay = Duration::from_millis(milliseconds.parse().ok()?);
        return (delay <= DELAY_MAX).then_some(Effect::Delay(delay));
    }
    ANSWERS.iter().find(|(name, _)| *name == answer).map(|(_, effect)| *effect)
}

/// What the faults in force do to one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Struck {
    pub(crate) delay: Duration,
    pub(crate) effect: Option<Effect>,
}

/// Takes the faults that match, in order: delays add up, the first other fault ends the search.
pub(crate) fn strike(faults: &mut [Fault], function: Function, subject: &str) -> Struck {
    let mut struck = Struck::default();
    for fault in faults.iter_mut().filter(|fault| fault.matches(function, subject)) {
        fault.left = fault.left.map(|left| left - 1);
        match fault.effect {
            Effect::Delay(delay) => struck.delay += delay,
            effect => {
                struck.effect = Some(effect);
                break;
            }
        }
    }
    struck
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_in_order_and_wear_out() {
        let mut faults = Fault::parse_list(
            br#"[{"function":"GLOBAL_QUOTE","symbol":"msft","times":1,"answer":"limit_day"},
                 {"function":null,"times":2,"answer":"delay_ms:40"},
                 {"answer":"delay_ms:2"},
                 {"symbol":"BTC/USD","answer":"cut"}]"#,
        )
        .unwrap();
        let mut one = |function, subject: &str| strike(&mut faults, function, subject);
        let delayed = |milliseconds| Struck { delay: Duration::from_millis(milliseconds), effect: None };
        assert_eq!(one(Function::GlobalQuote, "AAPL"), delayed(42));
        assert_eq!(
            one(Function::GlobalQuote, "MSFT").effect,
            Some(Effect::Refuse(Refusal::LimitDay)),
            "before the delays"
        );
        assert_eq!(one(Function::GlobalQuote, "MSFT"), delayed(42));
        assert_eq!(one(Function::TimeSeriesIntraday, "MSFT"), delayed(2));
        let cut = one(Function::CurrencyExchangeRate, "BTC/USD");
        assert_eq!(cut.effect, Some(Effect::Spoil(Spoiled::Cut)));
        assert_eq!(cut.delay, Duration::from_millis(2));

        let mut faults = Fault::parse_list(br#"[{"symbol":"msft","answer":"hang"}]"#).unwrap();
        let mut bulk = |subject: &str| strike(&mut faults, Function::RealtimeBulkQuotes, subject).effect;
        assert_eq!(bulk("AAPL,MSFT"), Some(Effect::Hang));
        assert_eq!(bulk("AAPL,MSFT.X"), None);
    }

    #[test]
    fn mistakes_are_listed_with_what_is_allowed() {
        for (text, words) in [
            ("", &["not a list of faults"][..]),
            ("{}", &["not a list of faults"]),
            (r#"[{"answer":"cut","often":1}]"#, &["unknown field `often`"]),
            (
                r#"[{"answer":"cut"},{"answer":"melt","times":0,"function":"NEWS"}]"#,
                &["fault 2: function `NEWS` is not served", "fault 2: times `0`", "fault 2: answer `melt`"],
            ),
            (r#"[{"answer":"delay_ms:600001"}]"#, &["answer `delay_ms:600001` is not known"]),
            (r#"[{"answer":"delay_ms:-1"}]"#, &["answer `delay_ms:-1` is not known"]),
        ] {
            let message = Fault::parse_list(text.as_bytes()).unwrap_err().to_string();
            for word in words.iter().chain(&["allowed is", "GLOBAL_QUOTE", "wrong_symbol", "delay_ms:N"]) {
                assert!(message.contains(word), "{message}");
            }
        }
    }

    #[test]
    fn names_of_answers_are_those_they_are_counted_under() {
        for (name, effect) in ANSWERS {
            match effect {
                Effect::Refuse(refusal) => assert_eq!(refusal.label(), name),
                Effect::Spoil(spoiled) => assert_eq!(spoiled.label(), name),
                Effect::Hang => assert_eq!(name, HANG),
                Effect::Delay(_) => panic!("a delay has a number"),
            }
        }
    }
}
