//! What a response with `batchItemFailures` names, the same for streams and queues.

use serde_json::Value;

/// The response of a function, where nothing is the same as null. None if it is no JSON.
pub(crate) fn parse(response: &[u8]) -> Option<Value> {
    let response = if response.trim_ascii().is_empty() { b"null" } else { response };
    serde_json::from_slice(response).ok()
}

/// The identifiers that a response names as failed; none at all is a success. None if the batch failed as a whole.
///
/// An object without the list is a success as an empty one is. Anything else that is no object is not what AWS
/// describes, and taken for a failure: it loses nothing.
pub(crate) fn failures(response: &Value) -> Option<Vec<&str>> {
    let list = match response {
        Value::Null => return Some(Vec::new()),
        Value::String(text) if text.is_empty() => return Some(Vec::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(Vec::new()),
            Some(list) => list.as_array()?,
        },
        _ => return None,
    };
    list.iter().map(|failure| failure.get("itemIdentifier")?.as_str().filter(|id| !id.is_empty())).collect()
}
