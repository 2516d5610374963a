//! What was delivered to S3: a bucket and a prefix come in, the new objects under it leave, each once.
//!
//! An object is known by its key: what is written again under the same key is not read again.

use std::{collections::HashSet, io::Read};

use aws_sdk_s3::{Client, error::SdkError, types};
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt, stream};

use crate::client::said;

/// Objects that are fetched at the same time.
const IN_FLIGHT: usize = 8;
/// First bytes of a gzip member. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One object, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Bytes as they are stored.
    pub stored: u64,
    /// Its content, decompressed if it was gzip.
    pub content: Vec<u8>,
}

impl Object {
    /// The lines of its content, without their ends and without empty ones.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
    }
}

/// Why objects were not read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The bucket cannot be listed.
    #[error("cannot list `s3://{bucket}/{prefix}`: {reason}")]
    List {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
        /// What the service says.
        reason: String,
    },
    /// An object cannot be read.
    #[error("cannot read `s3://{bucket}/{key}`: {reason}")]
    Read {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What the service says.
        reason: String,
    },
    /// An object begins like gzip and is none.
    #[error("`s3://{bucket}/{key}` begins like gzip and is damaged: {source}")]
    Gzip {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What is wrong.
        source: std::io::Error,
    },
}

/// Reads the objects under a prefix bit by bit.
#[derive(Debug)]
pub struct ObjectTail {
    client: Client,
    bucket: String,
    prefix: String,
    seen: HashSet<String>,
}

impl ObjectTail {
    /// Begins with all that is there. An empty prefix is the whole bucket.
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into(), seen: HashSet::new() }
    }

    /// Objects that were handed out so far.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// The objects that came since the last call, in the order of their keys. After an error they
    /// are all new again.
    pub async fn read(&mut self) -> Result<Vec<Object>, ObjectError> {
        let keys = self.new_keys().await?;
        let fetched = stream::iter(keys).map(|key| self.fetch(key)).buffered(IN_FLIGHT);
        let objects: Vec<Object> = fetched.try_collect().await?;
        self.seen.extend(objects.iter().map(|object| object.key.clone()));
        Ok(objects)
    }

    async fn new_keys(&self) -> Result<Vec<String>, ObjectError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix);
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| ObjectError::List {
                bucket: self.bucket.clone(),
                prefix: self.prefix.clone(),
                reason: said(&error),
            })?;
            let listed = page.contents.into_iter().flatten().filter_map(|object: types::Object| object.key);
            keys.extend(listed.filter(|key| !self.seen.contains(key)));
        }
        Ok(keys)
    }

    async fn fetch(&self, key: String) -> Result<Object, ObjectError> {
        let failed = |reason| ObjectError::Read { bucket: self.bucket.clone(), key: key.clone(), reason };
        let get = self.client.get_object().bucket(&self.bucket).key(&key).send().await;
        let body = get.map_err(|error: SdkError<_, _>| failed(said(&error)))?.body;
        let stored = body.collect().await.map_err(|error| failed(error.to_string()))?.into_bytes();
        let size = stored.len() as u64;
        let content = decode(&stored).map_err(|source| ObjectError::Gzip {
            bucket: self.bucket.clone(),
            key: key.clone(),
            source,
        })?;
        Ok(Object { key, stored: size, content })
    }
}

/// Decompresses gzip, also of several members; leaves anything else as it is.
fn decode(stored: &[u8]) -> std::io::Result<Vec<u8>> {
    if !stored.starts_with(&GZIP_MAGIC) {
        return Ok(stored.to_vec());
    }
    let mut content = Vec::new();
    MultiGzDecoder::new(stored).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #[test]
        fn lines_survive_storage(lines in prop::collection::vec("[ -~]{1,40}", 0..20), cut in 0_usize..20) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let cut = lines.iter().take(cut).map(|line| line.len() + 1).sum();
            let (one, two) = text.as_bytes().split_at(cut);
            // Plain, one member, and two members as Firehose writes them.
            for stored in [text.clone().into_bytes(), gzip(text.as_bytes()), [gzip(one), gzip(two)].concat()] {
                let content = decode(&stored).unwrap();
                let object = Object { key: String::new(), stored: 0, content };
                let read: Vec<_> = object.lines().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
                prop_assert_eq!(&read, &lines);
            }
        }
    }

    #[test]
    fn a_damaged_archive_is_an_error_and_not_half_an_object() {
        let stored = gzip(b"{\"schema\":\"bar.v1\"}\n");
        assert!(decode(&stored[..stored.len() - 4]).is_err());
    }
}
