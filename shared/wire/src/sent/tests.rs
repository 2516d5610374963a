use proptest::{collection::vec, prelude::*};

use super::*;

fn digest(n: u64) -> Digest128 {
    Digest128::of(&[&n.to_le_bytes()])
}

fn attachment(version: u64, bytes: &[u8]) -> Attachment {
    Attachment { version, bytes: bytes.to_vec() }
}

#[test]
fn only_other_content_is_news_and_gets_the_next_revision() {
    let mut sent = Sent::default();
    assert_eq!(sent.news(digest(1), digest(10)), Some(0));
    sent.confirm(digest(1), 5, 0, digest(10));
    assert_eq!(sent.news(digest(1), digest(10)), None);
    assert_eq!(sent.news(digest(1), digest(11)), Some(1));
    sent.confirm(digest(1), 5, 1, digest(11));
    assert_eq!(sent.news(digest(1), digest(10)), Some(2), "back to an old value is news again");
    assert_eq!(Sent::decode(&sent.encode()).unwrap(), sent);
}

#[test]
fn a_correction_after_a_crash_gets_the_next_revision() {
    let mut sent = Sent::default();
    sent.reserve(digest(1), 5, 0, digest(10));
    // Here the poller dies, and nobody knows whether the stream took it.
    let mut sent = Sent::decode(&sent.encode()).unwrap();
    assert_eq!(sent.news(digest(1), digest(10)), Some(0), "the same value goes again under its id");
    assert_eq!(sent.news(digest(1), digest(11)), Some(1), "the correction does not go under the same revision");
    sent.reserve(digest(1), 5, 1, digest(11));
    assert_eq!(sent.news(digest(1), digest(10)), Some(2), "the correction may be in the stream, too");
    sent.confirm(digest(1), 5, 1, digest(11));
    assert_eq!(sent.news(digest(1), digest(11)), None);
    // An answer that comes late changes nothing.
    sent.confirm(digest(1), 5, 0, digest(10));
    assert_eq!(sent.news(digest(1), digest(11)), None);
}

#[test]
fn of_a_dispute_no_content_is_the_current_one() {
    let (mut one, mut two) = (Sent::default(), Sent::default());
    one.confirm(digest(1), 5, 3, digest(10));
    two.confirm(digest(1), 5, 3, digest(11));
    two.confirm(digest(2), 6, 0, digest(12));
    let (before_one, before_two) = (one.clone(), two.clone());
    one.merge(&before_two);
    two.merge(&before_one);
    assert_eq!(one, two);
    let one = Sent::decode(&one.encode()).unwrap();
    assert_eq!(one, two);
    assert_eq!([10, 11, 12].map(|content| one.news(digest(1), digest(content))), [Some(4); 3]);
    assert_eq!(one.news(digest(2), digest(12)), None);
}

#[test]
fn the_oldest_are_forgotten_first_and_damage_is_told() {
    let mut sent = Sent::default();
    for n in 0..=SENT_MAX as u64 {
        sent.confirm(digest(n), n as i64, 0, digest(n));
    }
    assert_eq!(sent.news(digest(0), digest(0)), Some(0));
    assert_eq!(sent.news(digest(1), digest(1)), None);
    for n in 0..ATTACHMENTS_MAX {
        let name = format!("{n:0>ATTACHMENT_NAME_BYTES$}");
        sent.attach(&name, attachment(1, &[7; ATTACHMENT_BYTES])).unwrap();
    }
    let mut bytes = sent.encode();
    // An item of DynamoDB has 400 KB at the most.
    assert!(bytes.len() < 210_000, "{}", bytes.len());
    assert_eq!(Sent::decode(&bytes).unwrap(), sent);
    bytes.pop();
    assert_eq!(Sent::decode(&bytes), Err(SentError::Corrupt));
    assert_eq!(Sent::decode(&[]), Err(SentError::Corrupt));
    assert_eq!(Sent::decode(&[7]), Err(SentError::UnknownFormat(7)));
    let mut one = Sent::default();
    one.reserve(digest(1), 5, 0, digest(10));
    let mut bytes = one.encode();
    *bytes.last_mut().unwrap() = 3;
    assert_eq!(Sent::decode(&bytes), Err(SentError::Corrupt), "no such fate");
}

#[test]
fn what_the_version_before_wrote_is_read() {
    let mut bytes = vec![1];
    for n in 1..3u64 {
        bytes.extend_from_slice(&digest(n).0);
        bytes.extend_from_slice(&5i64.to_le_bytes());
        bytes.extend_from_slice(&(n as u32).to_le_bytes());
        bytes.extend_from_slice(&digest(10 * n).0);
    }
    let sent = Sent::decode(&bytes).unwrap();
    let mut expected = Sent::default();
    expected.confirm(digest(1), 5, 1, digest(10));
    expected.confirm(digest(2), 5, 2, digest(20));
    assert_eq!(sent, expected);
    assert_eq!(sent.encode()[0], 2);
    assert_eq!(Sent::decode(&sent.encode()).unwrap(), sent);
    bytes.pop();
    assert_eq!(Sent::decode(&bytes), Err(SentError::Corrupt));
    assert_eq!(Sent::decode(&[1]), Ok(Sent::default()));
}

#[test]
fn the_attachment_that_has_seen_more_stays() {
    let mut sent = Sent::default();
    sent.attach("1min", attachment(3, b"three")).unwrap();
    sent.attach("1min", attachment(2, b"two")).unwrap();
    sent.attach("1min", attachment(3, b"other")).unwrap();
    assert_eq!(sent.attachment("1min"), Some(&attachment(3, b"three")));
    let mut other = Sent::default();
    other.attach("1min", attachment(4, b"four")).unwrap();
    other.attach("1day", attachment(1, b"one")).unwrap();
    sent.merge(&other);
    assert_eq!(sent.attachment("1min"), Some(&attachment(4, b"four")));
    assert_eq!(sent.attachment("1day"), Some(&attachment(1, b"one")));
    assert_eq!(sent.attachment("5min"), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut sent = Sent::default();
    let mut attach = |name: &str, bytes| sent.attach(name, attachment(0, &vec![0; bytes]));
    for n in 0..ATTACHMENTS_MAX {
        attach(&n.to_string(), 0).unwrap();
    }
    attach("0", ATTACHMENT_BYTES).unwrap();
    let too_many = attach("one more", 1).unwrap_err().to_string();
    assert!(too_many.contains("a ledger takes 16"), "{too_many}");
    let too_large = attach("0", ATTACHMENT_BYTES + 1).unwrap_err().to_string();
    assert!(too_large.contains("`0` has 1025 bytes; a ledger takes 1024"), "{too_large}");
    let too_long = attach(&"n".repeat(ATTACHMENT_NAME_BYTES + 1), 1).unwrap_err().to_string();
    assert!(too_long.contains("129 bytes; a ledger takes 128"), "{too_long}");
}

/// Ledgers with few facts, so that they touch each other, and with many attachments.
fn ledger() -> impl Strategy<Value = Sent> {
    let fact = (0u64..4, 0i64..3, 0u32..3, 0u64..3, any::<bool>());
    let blob = (0u32..24, 0u64..4, vec(any::<u8>(), 0..2));
    (vec(fact, 0..8), vec(blob, 0..24)).prop_map(|(facts, blobs)| {
        let mut sent = Sent::default();
        for (key, at, rev, content, confirmed) in facts {
            let note = if confirmed { Sent::confirm } else { Sent::reserve };
            note(&mut sent, digest(key), at, rev, digest(content));
        }
        for (name, version, bytes) in blobs {
            let _ = sent.attach(&name.to_string(), Attachment { version, bytes });
        }
        sent
    })
}

fn merged(ledgers: &[&Sent]) -> Sent {
    ledgers.iter().fold(Sent::default(), |mut all, ledger| {
        all.merge(ledger);
        all
    })
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(one in ledger(), two in ledger(), three in ledger()) {
        prop_assert_eq!(merged(&[&one, &two]), merged(&[&two, &one]));
        let all = merged(&[&one, &two, &three]);
        prop_assert_eq!(&merged(&[&one, &merged(&[&two, &three])]), &all);
        prop_assert_eq!(&merged(&[&all, &two, &all]), &all);
        prop_assert_eq!(Sent::decode(&all.encode()).unwrap(), all);
    }

    #[test]
    fn no_revision_is_given_to_two_contents_by_a_merge(one in ledger(), two in ledger(), key in 0u64..4) {
        let all = merged(&[&one, &two]);
        let news = |ledger: &Sent, content| ledger.news(digest(key), digest(content));
        for content in 0..3 {
            // Where one ledger holds a revision for another content, the merged one gives a later one.
            for ledger in [&one, &two] {
                let used = (0..3).filter(|other| *other != content).filter_map(|other| match ledger.facts.get(&digest(key)) {
                    Some(last) if matches!(last.fate, Fate::Reserved(c) | Fate::Confirmed(c) if c == digest(other)) => Some(last.rev),
                    _ => None,
                }).max();
                if let (Some(used), Some(rev)) = (used, news(&all, content)) {
                    prop_assert!(rev > used, "{rev} for {content}, {used} was for another");
                }
            }
            // And nothing becomes known as sent that neither knew as sent.
            if news(&all, content).is_none() {
                prop_assert!(news(&one, content).is_none() || news(&two, content).is_none());
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(format in 0u8..4, bytes in vec(any::<u8>(), 0..200), ledger in ledger(), at: prop::sample::Index, byte: u8) {
        let _ = Sent::decode(&[&[format][..], &bytes].concat());
        let mut good = ledger.encode();
        let at = at.index(good.len());
        good[at] = byte;
        if let Ok(mut read) = Sent::decode(&good) {
            read.merge(&ledger);
            let _ = (read.news(digest(0), digest(0)), read.encode());
        }
    }
}
