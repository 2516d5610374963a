//! DynamoDB: the ledger of calls of one API key, an item of the state table.
//!
//! Its name is a hash of the key: all who have the key share the item, and nobody learns the key from it.

use flow::{QuotaState, QuotaStateError};
use pipeline::port::{QuotaError, QuotaLedger, QuotaSaved};
use wire::Digest128;

use crate::table::{Attributes, StateTable, Written, parts};

/// Hex digits of the key's SHA-256 in the name.
const HASH_DIGITS: usize = 12;

/// The ledger of calls of one API key.
#[derive(Debug, Clone)]
pub struct Quota {
    table: StateTable,
    pk: String,
}

impl StateTable {
    /// The ledger of calls of an API key, which is not kept.
    pub fn quota(&self, api_key: &str) -> Quota {
        let hash = Digest128::of_text(api_key).to_string();
        Quota { table: self.clone(), pk: format!("quota#{}", &hash[..HASH_DIGITS]) }
    }
}

fn stored(attributes: Option<&Attributes>) -> Result<(QuotaState, u64), QuotaError> {
    let (version, bytes) = parts(attributes).ok_or(QuotaError::State(QuotaStateError::Corrupt("attributes")))?;
    let state = if version == 0 { Ok(QuotaState::default()) } else { QuotaState::decode(bytes) };
    Ok((state.map_err(QuotaError::State)?, version))
}

impl QuotaLedger for Quota {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        let attributes = self.table.read(&self.pk).await.map_err(QuotaError::Call)?;
        stored(attributes.as_ref())
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        let (current, version) =
            match self.table.write(&self.pk, version, state.encode(), None).await.map_err(QuotaError::Call)? {
                Written::Done => return Ok(QuotaSaved::Done),
                Written::Refused(Some(current)) => stored(Some(&current))?,
                // Emulators may leave out the old item.
                Written::Refused(None) => self.load().await?,
            };
        Ok(QuotaSaved::Refused(Box::new(current), version))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpListener,
        thread::JoinHandle,
    };

    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
    use base64::{Engine, prelude::BASE64_STANDARD};
    use flow::Limits;
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "QX7Z1K4M9P2R8S3T";

    /// Answers one request after the other with a status and a body, and returns what was asked.
    fn dynamodb(answers: Vec<(u16, Value)>) -> (SdkConfig, JoinHandle<Vec<Value>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            answers.into_iter().map(|(status, answer)| serve(&listener, status, &answer.to_string())).collect()
        });
        let credentials = Credentials::new("id", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(url)
            .build();
        (config, server)
    }

    fn serve(listener: &TcpListener, status: u16, answer: &str) -> Value {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\n");
        write!(stream, "{head}content-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn state() -> QuotaState {
        let limits = Limits::of_plan(1, None, Some(25));
        QuotaState::default().grant(&limits, "2026-11-20T15:00:00Z".parse().unwrap(), "GLOBAL_QUOTE").unwrap()
    }

    fn item(version: u64, bytes: &[u8]) -> Value {
        json!({ "version": { "N": version.to_string() }, "state": { "B": BASE64_STANDARD.encode(bytes) } })
    }

    #[tokio::test]
    async fn a_refused_write_brings_what_stands_there_and_the_key_stays_here() {
        let refusal = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "Item": item(8, &state().encode()),
        });
        let bare = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
        let read = json!({ "Item": item(9, &state().encode()) });
        let damaged = json!({ "Item": item(9, &[1, 2]) });
        let (config, server) = dynamodb(vec![
            (200, json!({})),
            (200, json!({})),
            (400, refusal),
            (400, bare),
            (200, read),
            (200, damaged),
        ]);
        let quota = StateTable::new(&config, "state").quota(KEY);
        let text = format!("{quota:?}");
        assert!(!text.contains(KEY));

        assert_eq!(quota.load().await, Ok((QuotaState::default(), 0)));
        assert_eq!(quota.save(0, &state()).await, Ok(QuotaSaved::Done));
        assert_eq!(quota.save(7, &state()).await, Ok(QuotaSaved::Refused(Box::new(state()), 8)));
        assert_eq!(quota.save(7, &state()).await, Ok(QuotaSaved::Refused(Box::new(state()), 9)));
        assert!(matches!(quota.load().await, Err(QuotaError::State(_))));

        let asked = server.join().unwrap();
        // printf %s QX7Z1K4M9P2R8S3T | sha256sum
        let pk = "quota#40db53a604a8";
        assert!(asked.iter().all(|request| request["Key"]["pk"]["S"] == pk), "{asked:?}");
        assert_eq!(asked[0]["ConsistentRead"], true);
        assert_eq!(asked[1]["ConditionExpression"], "attribute_not_exists(version)");
        assert_eq!(asked[2]["ConditionExpression"], "version = :version");
        assert_eq!(asked[2]["ExpressionAttributeValues"][":next"]["N"], "8");
        assert_eq!(asked[2]["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
        assert!(!format!("{asked:?}").contains(KEY));
    }
}
