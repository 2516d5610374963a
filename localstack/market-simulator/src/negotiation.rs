//! What a client accepts: request headers enter, what may be sent leaves.

use axum::http::{HeaderMap, HeaderName, header};

/// What the headers of a request allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) json: bool,
    pub(crate) csv: bool,
    pub(crate) gzip: bool,
}

impl Accepted {
    /// Without `Accept` everything is good, without `Accept-Encoding` nothing is compressed.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let types = items(headers, header::ACCEPT);
        let any = |allowed: &[&str]| types.is_empty() || types.iter().any(|item| allowed.contains(&item.as_str()));
        Self {
            json: any(&["*/*", "application/*", "application/json"]),
            csv: any(&["*/*", "text/*", "text/csv"]),
            gzip: items(headers, header::ACCEPT_ENCODING).iter().any(|item| item == "gzip" || item == "*"),
        }
    }

    /// Whether a reply can be sent at all.
    pub(crate) const fn fits(self, wants_csv: bool) -> bool {
        if wants_csv { self.csv } else { self.json }
    }
}

/// The items of a header in lower case, without those of weight 0.
fn items(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let kind = parts.next().filter(|kind| !kind.is_empty())?.to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            (weight != Some(0.0)).then_some(kind)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_may_be_sent() {
        for (accept, encoding, json, csv, gzip) in [
            (None, None, true, true, false),
            (Some("*/*"), Some("gzip"), true, true, true),
            (Some("application/json"), Some("GZIP;q=0.5, br"), true, false, true),
            (Some("text/html, text/csv;q=0.9"), Some("gzip;q=0"), false, true, false),
            (Some("text/html;q=0.9,*/*;q=0.1"), Some("*"), true, true, true),
            (Some("text/html"), Some("identity"), false, false, false),
            (Some("*/*;q=0, application/xml"), Some("br, deflate"), false, false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|value| (header::ACCEPT, value.parse().unwrap())));
            headers.extend(encoding.map(|value| (header::ACCEPT_ENCODING, value.parse().unwrap())));
            assert_eq!(Accepted::read(&headers), Accepted { json, csv, gzip }, "{accept:?} {encoding:?}");
        }
    }
}
