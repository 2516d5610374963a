//! Events that nobody waits for: they come in, and are invoked until one attempt succeeds or they are given up.
//!
//! As Lambda documents it: a failure is tried again after one minute and after two more, as often as the function's
//! `EventInvokeConfig` says; a throttle is tried again for as long as the event is young enough. Then its record goes to
//! the destination, and the event itself to the dead-letter queue. Events are in memory: they end with the host.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json, value::RawValue};
use tokio::time::sleep;

use crate::{
    destination::Parcel,
    http::Emulator,
    outcome::{Done, Outcome},
    pool::{Pool, Request, new_request_id},
};

/// How long a throttled event waits at first, and at most.
const THROTTLED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Takes events.
pub(crate) struct Queue {
    pools: BTreeMap<String, Arc<Pool>>,
    emulator: Option<Emulator>,
    /// Before the second and the third attempt.
    waits: [Duration; 2],
    itself: OnceLock<Weak<Queue>>,
}

impl Queue {
    pub(crate) fn new(
        pools: BTreeMap<String, Arc<Pool>>,
        emulator: Option<Emulator>,
        waits: [Duration; 2],
    ) -> Arc<Self> {
        let queue = Arc::new(Self { pools, emulator, waits, itself: OnceLock::new() });
        // It is set once, here.
        let _ = queue.itself.set(Arc::downgrade(&queue));
        queue
    }

    /// Takes an event of a function. False if there is no such function here.
    pub(crate) fn take(&self, function: &str, mut request: Request) -> bool {
        let (Some(pool), Some(queue)) = (self.pools.get(function), self.itself.get().and_then(Weak::upgrade)) else {
            return false;
        };
        request.request_id.get_or_insert_with(new_request_id);
        let pool = Arc::clone(pool);
        tokio::spawn(async move { queue.carry(&pool, request).await });
        true
    }

    async fn carry(&self, pool: &Arc<Pool>, request: Request) {
        let config = &pool.function.event_invoke;
        let begun = Instant::now();
        let (mut attempts, mut throttles) = (0_u32, 0_u32);
        let last = loop {
            let wait = match pool.invoke(request.clone()).await {
                Ok(done) => {
                    attempts += 1;
                    if done.outcome.failure().is_none() {
                        if let Some(arn) = &config.on_success {
                            self.tell(arn, pool, &request, "Success", attempts, Some(&done)).await;
                        }
                        return;
                    }
                    if attempts > config.maximum_retry_attempts {
                        break ("RetriesExhausted", Some(done));
                    }
                    self.waits[usize::from(attempts > 1)]
                }
                Err(_) => {
                    throttles += 1;
                    (THROTTLED.0 * (1 << throttles.min(10) >> 1)).min(THROTTLED.1)
                }
            };
            if begun.elapsed() + wait > config.maximum_event_age {
                break ("EventAgeExceeded", None);
            }
            sleep(wait).await;
        };
        let (condition, done) = last;
        if let Some(arn) = &config.on_failure {
            self.tell(arn, pool, &request, condition, attempts, done.as_ref()).await;
        }
        if let (Some(arn), Some(emulator)) = (&config.dead_letter, &self.emulator) {
            let message = done.as_ref().and_then(error_message).unwrap_or_default();
            let attributes = vec![
                ("RequestID", request.request_id.clone().unwrap_or_default()),
                ("ErrorCode", "200".to_owned()),
                ("ErrorMessage", message.chars().take(1024).collect()),
            ];
            let parcel = Parcel { body: request.event.clone(), key: String::new(), attributes };
            // Lambda drops what the queue does not take, and so does this.
            let _ = emulator.deliver(arn, &parcel).await;
        }
    }

    /// Sends the record of an invocation to its destination.
    async fn tell(
        &self,
        arn: &str,
        pool: &Pool,
        request: &Request,
        condition: &str,
        attempts: u32,
        done: Option<&Done>,
    ) {
        let now = Timestamp::now();
        let id = request.request_id.clone().unwrap_or_default();
        let mut record = json!({
            "version": "1.0",
            "timestamp": format!("{now:.3}"),
            "requestContext": {
                "requestId": id,
                "functionArn": format!("{}:$LATEST", pool.function.arn),
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": as_json(&request.event),
        });
        if let Some(done) = done {
            let mut context = json!({"statusCode": 200, "executedVersion": "$LATEST"});
            let payload = match &done.outcome {
                Outcome::Returned(payload) => payload,
                Outcome::Failed { payload, .. } => {
                    context["functionError"] = json!("Unhandled");
                    payload
                }
            };
            record["responseContext"] = context;
            record["responsePayload"] = as_json(payload);
        }
        let body = Bytes::from(record.to_string());
        if let Some(function) = arn.split(":function:").nth(1) {
            let name = function.split(':').next().unwrap_or_default();
            self.take(name, Request { event: body, ..Request::default() });
        } else if let Some(emulator) = &self.emulator {
            let at = now.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
            let key = format!("aws/lambda/async/{}/{at}-{}", pool.function.name, new_request_id());
            // Lambda drops what the destination does not take, and so does this.
            let _ = emulator.deliver(arn, &Parcel { body, key, attributes: Vec::new() }).await;
        }
    }
}

/// A payload as JSON, or as a text if it is none.
fn as_json(payload: &[u8]) -> Value {
    match serde_json::from_slice::<&RawValue>(payload) {
        Ok(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
        Err(_) => Value::String(String::from_utf8_lossy(payload).into_owned()),
    }
}

fn error_message(done: &Done) -> Option<String> {
    let Outcome::Failed { payload, .. } = &done.outcome else { return None };
    as_json(payload).get("errorMessage")?.as_str().map(str::to_owned)
}
