//! Where letters go: the ARN of a queue, a topic or a bucket and the letter come in, a call to the emulator leaves.

use bytes::Bytes;
use hyper::{Method, Request, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::http::{CallError, Emulator, full};

/// A letter.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) body: Bytes,
    /// Its name, where it becomes an object.
    pub(crate) key: String,
    /// `MessageAttributes` of a queue's message; all are texts.
    pub(crate) attributes: Vec<(&'static str, String)>,
}

impl Emulator {
    /// Stores a letter.
    pub(crate) async fn deliver(&self, arn: &str, parcel: &Parcel) -> Result<(), CallError> {
        let parts: Vec<_> = arn.splitn(6, ':').collect();
        let text = String::from_utf8_lossy(&parcel.body);
        match parts.as_slice() {
            ["arn", _, "sqs", _, account, name] => {
                let url = self.queue_url(account, name).await?;
                let attribute = |(name, value): &(&str, String)| {
                    ((*name).to_owned(), json!({"DataType": "String", "StringValue": value}))
                };
                let attributes: serde_json::Map<_, _> = parcel.attributes.iter().map(attribute).collect();
                let body = json!({"QueueUrl": url, "MessageBody": text, "MessageAttributes": attributes});
                self.ask("sqs", "AmazonSQS.SendMessage", &body).await.map(drop)
            }
            ["arn", _, "s3", _, _, bucket] => self.put_object(bucket, &parcel.key, parcel.body.clone()).await,
            ["arn", _, "sns", ..] => self.publish(arn, &text).await,
            _ => Err(CallError::Answer {
                call: arn.to_owned(),
                reason: "destinations are queues, topics and buckets".to_owned(),
            }),
        }
    }

    /// The address of a queue.
    pub(crate) async fn queue_url(&self, account: &str, name: &str) -> Result<String, CallError> {
        let body = json!({"QueueName": name, "QueueOwnerAWSAccountId": account});
        let answer = self.ask("sqs", "AmazonSQS.GetQueueUrl", &body).await?;
        let url = answer.get("QueueUrl").and_then(Value::as_str).map(str::to_owned);
        url.ok_or_else(|| CallError::Answer { call: "GetQueueUrl".to_owned(), reason: "no `QueueUrl`".to_owned() })
    }

    /// SNS takes forms only.
    async fn publish(&self, arn: &str, message: &str) -> Result<(), CallError> {
        let fields = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", arn), ("Message", message)];
        let field = |(name, value): &(&str, &str)| format!("{name}={}", form(value));
        let body = fields.iter().map(field).collect::<Vec<_>>().join("&");
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header("authorization", crate::http::authorization("sns"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(full(body))
            .map_err(|error| CallError::Answer { call: "Publish".to_owned(), reason: error.to_string() })?;
        self.send(request).await.map(drop)
    }
}

fn form(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
