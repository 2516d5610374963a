//! Numbers from a seed: integers and text enter, the same numbers leave on every machine.

/// A 64-bit mixer (the finaliser of SplitMix64): every bit of the input reaches every bit of the output.
pub(crate) fn mix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a number is drawn for: the same text means something else to each of them.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Share = 1,
    Pair = 2,
    Worth = 3,
    News = 4,
    Earnings = 5,
    Trade = 6,
}

/// The key of a thing, from which its numbers are drawn.
pub(crate) fn key(seed: u64, kind: Kind, text: &str) -> u64 {
    text.bytes().fold(mix(mix(seed) ^ kind as u64), |key, byte| mix(key ^ u64::from(byte)))
}

/// A number in `0 .. limit` from random bits. The bias is far below what anyone can see in a price.
pub(crate) fn below(random: u64, limit: u64) -> i64 {
    (random % limit) as i64
}

/// The `number`th draw of a key, in `0 .. limit`.
pub(crate) fn draw(key: u64, number: u64, limit: u64) -> i64 {
    below(mix(key ^ number), limit)
}

/// One of a list.
pub(crate) fn pick<T>(key: u64, number: u64, list: &[T]) -> Option<&T> {
    list.get(usize::try_from(draw(key, number, (list.len() as u64).max(1))).unwrap_or_default())
}
