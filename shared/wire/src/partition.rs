//! Partition keys: which records share a shard, and so keep their order.
//!
//! `h(x)` is the number that the first 8 hex digits of the MD5 of `x` make.

use std::fmt;

use md5::{Digest, Md5};

use crate::limits::PARTITION_KEY_CHARS;

/// A partition key within Kinesis' limit of 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey(String);

impl PartitionKey {
    fn new(text: String) -> Self {
        // Symbols and codes are bounded far below the limit, so this never cuts anything.
        debug_assert!(text.chars().count() <= PARTITION_KEY_CHARS);
        Self(text)
    }

    /// A key that stood in a record already; `None` if it is empty or longer than Kinesis takes.
    pub fn read(text: &str) -> Option<Self> {
        (!text.is_empty() && text.chars().count() <= PARTITION_KEY_CHARS).then(|| Self(text.to_owned()))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn h(text: &str) -> u32 {
    let digest = Md5::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Financial stream: `symbol_{SYMBOL}_{h(SYMBOL) % 100}`. All records of a symbol share a shard, in order.
pub fn financial(symbol: &market::Symbol) -> PartitionKey {
    PartitionKey::new(format!("symbol_{symbol}_{}", h(symbol.as_str()) % 100))
}

/// Crypto stream: `crypto_{SYMBOL}_{h(timestamp) % 100}` with the base currency as symbol and the record's
/// timestamp as it stands in the record. One symbol is spread over shards on purpose, and has no order.
pub fn crypto(base: &market::Currency, timestamp: &str) -> PartitionKey {
    PartitionKey::new(format!("crypto_{base}_{}", h(timestamp) % 100))
}

/// Events stream: `event_{TYPE}_{h(entity) % 10}`; the entity is the symbol, model or id that the event is about.
///
/// Letters and digits of ASCII, `_`, `-` and `.` stand in a type as they are, anything else becomes `_`.
pub fn event(kind: &str, entity: &str) -> PartitionKey {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let kind: String = kind.chars().take(PARTITION_KEY_CHARS - 16).map(safe).collect();
    PartitionKey::new(format!("event_{kind}_{}", h(entity) % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_contract() {
        assert_eq!(financial(&"AAPL".parse().unwrap()).as_str(), "symbol_AAPL_42");
        let brk = financial(&"brk.b".parse().unwrap());
        assert!(brk.as_str().starts_with("symbol_BRK.B_"), "{brk}");
        let keys: std::collections::BTreeSet<_> = (0..60)
            .map(|second| crypto(&"BTC".parse().unwrap(), &format!("2026-11-20T15:31:{second:02}.000Z")))
            .collect();
        assert!(keys.len() > 30, "one symbol is spread over time: {}", keys.len());
        assert!(event("price_alert", "AAPL").as_str().starts_with("event_price_alert_"));
        assert!(event(&"ü".repeat(400), "AAPL").as_str().len() <= PARTITION_KEY_CHARS);
        assert_eq!(event("price spike\n#1", "AAPL").as_str().rsplit_once('_').unwrap().0, "event_price_spike__1");
    }
}
