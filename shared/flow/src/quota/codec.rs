//! The bytes of the ledger: a format number, then every field, little-endian. Whatever is read is checked.

use super::{
    LATEST_MILLIS, QuotaState,
    days::{DAYS_KEPT, Days},
    state::{ClosedFunction, FUNCTIONS_MAX, NAME_BYTES_MAX, Named, RefusalClass},
};

/// The format that is written. One that is not known is refused, never guessed at.
pub(super) const FORMAT: u8 = 1;

/// The bytes are no ledger of calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaStateError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the ledger of calls has format `{0}`, this version reads `{FORMAT}`: deploy the version that wrote it, or delete the item once the vendor's day is over"
    )]
    UnknownFormat(u8),
    /// Cut off, or with a value that cannot be.
    #[error("the ledger of calls is damaged at `{0}`: delete the item once the vendor's day is over")]
    Corrupt(&'static str),
}

impl QuotaState {
    /// Writes the ledger, in less than 4 KB.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend(self.latest.to_le_bytes());
        out.extend(self.seconds.iter().flat_map(|calls| calls.to_le_bytes()));
        out.extend(self.closed.iter().flat_map(|until| until.to_le_bytes()));
        out.extend(self.minute_refused.to_le_bytes());
        let named = self.named.unwrap_or_default();
        out.extend(named.instead_of.to_le_bytes());
        out.extend(named.per_second.to_le_bytes());
        for days in [&self.utc, &self.new_york] {
            out.push(days.0.len() as u8);
            for (day, calls) in &days.0 {
                out.extend(day.to_le_bytes());
                out.extend(calls.to_le_bytes());
            }
        }
        out.push(self.functions.len() as u8);
        for function in &self.functions {
            out.push(function.name.len() as u8);
            out.extend(function.name.as_bytes());
            out.push(function.class as u8);
            out.extend(function.until.to_le_bytes());
        }
        out
    }

    /// Reads a ledger.
    pub fn decode(bytes: &[u8]) -> Result<Self, QuotaStateError> {
        let mut from = Reader(bytes);
        let [format] = from.array("format")?;
        if format != FORMAT {
            return Err(QuotaStateError::UnknownFormat(format));
        }
        let mut state = Self { latest: from.millis("latest")?, ..Self::default() };
        for calls in &mut state.seconds {
            *calls = u16::from_le_bytes(from.array("seconds")?);
        }
        for until in &mut state.closed {
            *until = from.millis("closed")?;
        }
        state.minute_refused = from.millis("minute_refused")?;
        let named = Named { instead_of: from.u32("named")?, per_second: from.u32("named")? };
        state.named = (named.per_second > 0).then_some(named);
        state.utc = from.days("utc")?;
        state.new_york = from.days("new_york")?;
        let [functions] = from.array("functions")?;
        from.check("functions", usize::from(functions) <= FUNCTIONS_MAX)?;
        for _ in 0..functions {
            let [length] = from.array("functions")?;
            from.check("functions", usize::from(length) <= NAME_BYTES_MAX)?;
            let name = from.take(usize::from(length), "functions")?;
            let name = std::str::from_utf8(name).map_err(|_| QuotaStateError::Corrupt("functions"))?.to_owned();
            let [class] = from.array("functions")?;
            let class = RefusalClass::ALL.into_iter().find(|known| *known as u8 == class);
            let class = class.ok_or(QuotaStateError::Corrupt("functions"))?;
            state.functions.push(ClosedFunction { name, class, until: from.millis("functions")? });
        }
        from.check("end", from.0.is_empty())?;
        Ok(state)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn check(&self, what: &'static str, good: bool) -> Result<(), QuotaStateError> {
        if good { Ok(()) } else { Err(QuotaStateError::Corrupt(what)) }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], QuotaStateError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(QuotaStateError::Corrupt(what))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], QuotaStateError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(QuotaStateError::Corrupt(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, QuotaStateError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn millis(&mut self, what: &'static str) -> Result<i64, QuotaStateError> {
        let millis = i64::from_le_bytes(self.array(what)?);
        self.check(what, (0..=LATEST_MILLIS).contains(&millis))?;
        Ok(millis)
    }

    fn days(&mut self, what: &'static str) -> Result<Days, QuotaStateError> {
        let [days] = self.array(what)?;
        self.check(what, usize::from(days) <= DAYS_KEPT)?;
        let days: Vec<(i32, u32)> = (0..days)
            .map(|_| Ok((i32::from_le_bytes(self.array(what)?), self.u32(what)?)))
            .collect::<Result<_, QuotaStateError>>()?;
        self.check(what, days.is_sorted_by(|a, b| a.0 < b.0))?;
        Ok(Days(days))
    }
}
