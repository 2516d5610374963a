//! What lies in a bucket: a prefix and a moment enter; the objects below it that were written since, and their lines, leave.
//!
//! Objects are NDJSON or one JSON text, as they are or compressed by gzip. One is in memory at a time, with a few that are being fetched.

use std::io::{BufRead, BufReader, Read};

use aws_sdk_s3::{Client, error::ProvideErrorMetadata};
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::place::in_words;

/// Objects that are fetched at the same time.
const IN_FLIGHT: usize = 4;
/// First bytes of a gzip member. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why a bucket cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `s3://{bucket}/{key}`: {reason}")]
pub(super) struct BucketError {
    bucket: String,
    key: String,
    reason: String,
}

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
}

impl Bucket<'_> {
    fn failed(&self, key: &str, reason: String) -> BucketError {
        BucketError { bucket: self.name.to_owned(), key: key.to_owned(), reason }
    }

    fn refused(&self, key: &str, error: &(impl ProvideErrorMetadata + std::error::Error + 'static)) -> BucketError {
        self.failed(key, in_words(error))
    }

    /// Hands out what lies in these objects.
    pub(super) async fn read(
        &self,
        keys: Vec<String>,
        parts: Parts,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), BucketError> {
        let mut fetched = stream::iter(keys).map(|key| self.fetch(key)).buffered(IN_FLIGHT);
        while let Some(object) = fetched.next().await {
            let (key, stored) = object?;
            each(&stored, parts, &mut take).map_err(|error| self.failed(&key, error.to_string()))?;
        }
        Ok(())
    }

    /// The objects below a prefix that were written then or later.
    pub(super) async fn keys(&self, prefix: &str, since: Timestamp) -> Result<Vec<String>, BucketError> {
        let mut pages = self.client.list_objects_v2().bucket(self.name).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.refused(prefix, &error))?;
            for object in page.contents.into_iter().flatten() {
                // Whole seconds.
                let written = object.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or(i64::MAX);
                if written.saturating_add(999) >= since.as_millisecond() {
                    keys.extend(object.key);
                }
            }
        }
        Ok(keys)
    }

    async fn fetch(&self, key: String) -> Result<(String, Vec<u8>), BucketError> {
        let got = self.client.get_object().bucket(self.name).key(&key).send().await;
        let body = got.map_err(|error| self.refused(&key, &error))?.body;
        let stored = body.collect().await.map_err(|error| self.failed(&key, error.to_string()))?;
        Ok((key, stored.to_vec()))
    }
}

/// What an object is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// Lines, without their ends and without empty ones.
    Lines,
    /// One JSON text, perhaps over several lines.
    Whole,
}

fn each(stored: &[u8], parts: Parts, take: &mut impl FnMut(&[u8])) -> std::io::Result<()> {
    let content: Box<dyn Read + '_> =
        if stored.starts_with(&GZIP_MAGIC) { Box::new(MultiGzDecoder::new(stored)) } else { Box::new(stored) };
    let mut content = BufReader::new(content);
    let mut line = Vec::new();
    if parts == Parts::Whole {
        content.read_to_end(&mut line)?;
        take(&line);
        return Ok(());
    }
    while content.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if !text.is_empty() {
            take(text);
        }
        line.clear();
    }
    Ok(())
}

/// The hours of the archive's partitions, from that of a moment to that of another one, both included.
pub(super) fn hours(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
    let hour = |at: Timestamp| {
        let second = at.as_second();
        Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at)
    };
    let last = hour(to);
    std::iter::successors(Some(hour(from)), |at| at.checked_add(SignedDuration::from_hours(1)).ok())
        .take_while(move |at| *at <= last)
}

/// Where an hour of `raw` or `indicators` is.
pub(super) fn partition(top: &str, hour: Timestamp) -> String {
    hour.to_zoned(TimeZone::UTC).strftime(&format!("{top}/date=%Y-%m-%d/hour=%H/")).to_string()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn lines(stored: &[u8]) -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        each(stored, Parts::Lines, &mut |line| lines.push(String::from_utf8_lossy(line).into_owned()))?;
        Ok(lines)
    }

    #[test]
    fn lines_are_read_plain_and_compressed_and_half_an_object_is_an_error() {
        let (one, two): (&[u8], &[u8]) = (b"{\"a\":1}\n\n{\"b\"", b":2}\n{\"c\":3}");
        let expected = ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"];
        for stored in [[one, two].concat(), gzip(&[one, two].concat()), [gzip(one), gzip(two)].concat()] {
            assert_eq!(lines(&stored).unwrap(), expected);
        }
        let mut whole = Vec::new();
        each(&gzip(two), Parts::Whole, &mut |text| whole.push(text.to_vec())).unwrap();
        assert_eq!(whole, [two]);
        let stored = gzip(one);
        assert!(lines(&stored[..stored.len() - 4]).is_err());
    }

    #[test]
    fn partitions_are_those_of_the_delivery_streams() {
        let hours: Vec<_> = hours("2026-11-20T22:59:59Z".parse().unwrap(), "2026-11-21T00:00:00Z".parse().unwrap())
            .map(|hour| partition("raw", hour))
            .collect();
        let expected = ["raw/date=2026-11-20/hour=22/", "raw/date=2026-11-20/hour=23/", "raw/date=2026-11-21/hour=00/"];
        assert_eq!(hours, expected);
    }
}
