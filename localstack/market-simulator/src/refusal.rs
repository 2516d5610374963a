//! Everything the vendor answers instead of data, in its own words.
//!
//! All of it comes with HTTP 200 but for the 503, which its hosting provider sends, and the 406.
//! Whatever was asked for, it is JSON, never CSV.

use serde_json::{Value, json};

use crate::{
    function::Function,
    limits::{Limit, Plan},
    render::artificial_bulk,
};

const PREMIUM: &str = "https://www.alphavantage.co/premium/";
const NEWS_DOCUMENTATION: &str = "https://www.alphavantage.co/documentation#newsapi";
const NEWS: &str = Function::NewsSentiment.as_str();

/// An answer without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many calls in a second, in the words for this plan.
    LimitSecond(Plan),
    LimitMinute,
    LimitDay,
    Premium,
    /// A parameter that only paying keys may set.
    PremiumFeature,
    BadKey,
    DemoKey,
    Artificial,
    BadRequest,
    UnknownFunction,
    UnknownSymbol,
    NoArticles,
    NotAcceptable,
    Empty,
    Http503,
    UnknownShape,
}

impl Refusal {
    pub(crate) const fn of_limit(limit: Limit, plan: Plan) -> Self {
        match limit {
            Limit::Second => Self::LimitSecond(plan),
            Limit::Minute => Self::LimitMinute,
            Limit::Day => Self::LimitDay,
        }
    }

    /// The name under which it is counted.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::LimitSecond(_) => "limit_second",
            Self::LimitMinute => "limit_minute",
            Self::LimitDay => "limit_day",
            Self::Premium | Self::PremiumFeature => "premium",
            Self::BadKey => "bad_key",
            Self::DemoKey => "demo_key",
            Self::Artificial => "artificial",
            Self::BadRequest | Self::UnknownFunction => "bad_request",
            Self::UnknownSymbol => "unknown_symbol",
            Self::NoArticles => "no_articles",
            Self::NotAcceptable => "not_acceptable",
            Self::Empty => "empty",
            Self::Http503 => "http_503",
            Self::UnknownShape => "unknown_shape",
        }
    }

    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Http503 => 503,
            // Recorded without its status; this is the one that HTTP has for it.
            Self::NotAcceptable => 406,
            _ => 200,
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        if matches!(self, Self::Http503) { "text/html; charset=utf-8" } else { "application/json" }
    }

    /// The body for a function and a key; the daily limit echoes the key, as the vendor does.
    pub(crate) fn body(self, function: &str, key: &str) -> String {
        let value = match self {
            Self::Http503 => return HEROKU.to_owned(),
            Self::Artificial => {
                return artificial_bulk(&format!(
                    "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL AND FOR ILLUSTRATION PURPOSES \
                 ONLY***. To access the actual data, please subscribe to any premium plan that mentions 'Realtime US \
                 Market Data' in its description at {PREMIUM} for your personal non-professional use. For \
                 professional/commercial use, please contact support at support@alphavantage.co."
                ));
            }
            Self::LimitSecond(Plan::Free) => information(&format!(
                "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly \
                 (1 request per second). You may subscribe to any of the premium plans at {PREMIUM} to lift the free key \
                 rate limit (25 requests per day), raise the per-second burst limit, and instantly unlock all premium endpoints"
            )),
            Self::LimitSecond(plan) => information(&format!(
                "Burst pattern detected. Please consider spreading out your API requests more evenly across a 1-minute \
                 window and query no more than {} requests per second. Please contact support@alphavantage.co if you are \
                 targeting a higher API request volume.",
                plan.caps().per_second
            )),
            Self::LimitMinute => information(
                "Minute-level rate limit exceed. Please stay under the number of API requests per minute for your premium \
                 subscription plan. Please contact support@alphavantage.co if you are targeting a higher API request volume.",
            ),
            Self::LimitDay => information(&format!(
                "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please \
                 subscribe to any of the premium plans at {PREMIUM} to instantly remove all daily rate limits."
            )),
            Self::Premium => information(&format!(
                "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium \
                 plans at {PREMIUM} to instantly unlock all premium endpoints"
            )),
            Self::PremiumFeature => information(&format!(
                "Thank you for using Alpha Vantage! The outputsize=full parameter value is a premium feature for the {function} \
                 endpoint. You may subscribe to any of the premium plans at {PREMIUM} to instantly unlock all premium features"
            )),
            Self::BadKey => error(
                "the parameter apikey is invalid or missing. Please claim your free API key on \
                 (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds.",
            ),
            Self::DemoKey => information(
                "The **demo** API key is for demo purposes only. Please claim your free API key at \
                 (https://www.alphavantage.co/support/#api-key) to explore our full API offerings. It takes fewer than 20 \
                 seconds.",
            ),
            Self::UnknownSymbol if function == "GLOBAL_QUOTE" => json!({"Global Quote": {}}),
            Self::BadRequest | Self::UnknownSymbol if function == NEWS => information(&format!(
                "Invalid inputs. Please refer to the API documentation {NEWS_DOCUMENTATION} and try again."
            )),
            Self::NoArticles => information(&format!(
                "No articles found. Please adjust the time range or refer to the API documentation {NEWS_DOCUMENTATION} and \
                 try again."
            )),
            Self::NotAcceptable => json!({"detail": "Could not satisfy the request Accept header."}),
            Self::BadRequest | Self::UnknownSymbol => error(&format!(
                "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/) for \
                 {function}."
            )),
            Self::UnknownFunction => {
                error(&format!("This API function ({}) does not exist.", function.chars().take(48).collect::<String>()))
            }
            Self::Empty => json!({}),
            Self::UnknownShape => json!({"Market Weather": {"01. outlook": "fair", "02. wind": "3.5000"}}),
        };
        value.to_string()
    }
}

fn information(text: &str) -> Value {
    json!({"Information": text})
}

fn error(text: &str) -> Value {
    json!({"Error Message": text})
}

/// The page that the vendor's hosting provider shows while the service is down.
const HEROKU: &str = r#"<!DOCTYPE html>
<html>
  <head>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta charset="utf-8">
    <title>Application Error</title>
  </head>
  <body>
    <iframe src="//www.herokucdn.com/error-pages/application-error.html"></iframe>
  </body>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_hold_what_clients_look_for() {
        for (refusal, words) in [
            (
                Refusal::LimitSecond(Plan::Free),
                &["1 request per second", "25 requests per day", "premium endpoints"][..],
            ),
            (Refusal::LimitSecond(Plan::P75), &["Burst pattern detected", "no more than 5 requests per second"]),
            (Refusal::LimitMinute, &["Minute-level rate limit"]),
            (Refusal::LimitDay, &["We have detected your API key as K\\\"1 and", "25 requests per day"]),
            (Refusal::Premium, &["premium endpoint"]),
            (Refusal::BadKey, &["Error Message", "apikey is invalid or missing"]),
            (Refusal::DemoKey, &["**demo** API key"]),
            (Refusal::PremiumFeature, &["outputsize=full", "premium feature for the F endpoint"]),
            (Refusal::NoArticles, &["Information", "No articles found"]),
            (Refusal::NotAcceptable, &["\"detail\"", "Could not satisfy the request Accept header."]),
            (Refusal::BadRequest, &["Invalid API call", "for F."]),
            (Refusal::UnknownFunction, &["(F) does not exist"]),
        ] {
            let body = refusal.body("F", "K\"1");
            assert!(serde_json::from_str::<Value>(&body).is_ok());
            assert!(!body.contains("  "), "{body}");
            for word in words {
                assert!(body.contains(word), "{body}");
            }
        }
        assert_eq!(Refusal::UnknownSymbol.body("GLOBAL_QUOTE", ""), r#"{"Global Quote":{}}"#);
        assert!(Refusal::UnknownSymbol.body("TIME_SERIES_INTRADAY", "").contains("Invalid API call"));
        for refusal in [Refusal::UnknownSymbol, Refusal::BadRequest] {
            assert!(refusal.body("NEWS_SENTIMENT", "").starts_with("{\"Information\":\"Invalid inputs. Please refer"));
        }
    }
}
