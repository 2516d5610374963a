//! Why a row of a data reply was rejected.

use market::{BarError, Date, Interval, NumberError, Symbol, Timestamp, session::LocalTimeError};
use rust_decimal::Decimal;

/// The longest text of the vendor's that a reason quotes, in characters.
const QUOTED_MAX: usize = 64;

/// A text of the vendor's for a reason: whole, or if it is long not at all.
///
/// It is never cut. The vendor echoes the API key, and who redacts the reason finds a whole key only.
pub(crate) fn excerpt(text: &str) -> String {
    match text.chars().count() {
        count if count <= QUOTED_MAX => text.to_owned(),
        count => format!("({count} characters)"),
    }
}

/// Why a row is no observation. The text says what is wrong with which value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The row is not a JSON object of fields.
    #[error("the row is not an object of fields")]
    NotAnObject,
    /// A line of CSV has more or fewer cells than its header.
    #[error("the line has {cells} cells and the header {columns}")]
    Columns {
        /// Cells of the line.
        cells: usize,
        /// Cells of the header.
        columns: usize,
    },
    /// A field that is needed is absent or empty.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The same field stands twice in the row, with different values.
    #[error("`{0}` is given twice, with different values")]
    Contradiction(&'static str),
    /// A value that is no decimal number, or more exact than a decimal can hold.
    #[error("`{field}` is `{text}`, which is not a decimal number of at most 28 digits")]
    NotANumber {
        /// The field's name.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// A boolean, a list or an object where a text or number is expected.
    #[error("`{field}` is `{text}`, which is neither a text nor a number")]
    NotAValue {
        /// The field's name.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// Anything else where a list is expected.
    #[error("`{0}` is not a list")]
    NotAList(&'static str),
    /// A word that is none of those expected.
    #[error("`{field}` is `{text}`; known are {known}")]
    UnknownWord {
        /// The field's name.
        field: &'static str,
        /// What stands there.
        text: String,
        /// What may stand there.
        known: &'static str,
    },
    /// A text that names no instrument.
    #[error("`{0}` is neither a symbol nor a pair of currencies")]
    NotAnInstrument(String),
    /// A score outside of its scale.
    #[error("`{field}` is `{value}`, which is outside of {low} to {high}")]
    OutOfScale {
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: Decimal,
        /// The scale's begin.
        low: i8,
        /// The scale's end.
        high: i8,
    },
    /// Data about another instrument, interval or kind of series than was asked for.
    #[error("asked for `{asked}`; the reply is about `{got}`")]
    WrongSubject {
        /// What was asked for.
        asked: String,
        /// What came.
        got: String,
    },
    /// A symbol that was asked for, and of which the reply says nothing.
    #[error("symbol `{0}` was asked for and is missing in the reply")]
    SymbolMissing(Symbol),
    /// A series whose interval nobody names.
    #[error("neither request nor reply name the interval, and it does not follow from the stamps: say which it is")]
    UnknownInterval,
    /// A number beyond [`crate::LARGEST`].
    #[error("`{field}` is `{value}`, which is beyond what any market trades at")]
    TooLarge {
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: Decimal,
    },
    /// A price of zero or below, a volume below zero.
    #[error("`{field}`: {error}")]
    Number {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        error: NumberError,
    },
    /// Prices that make no bar.
    #[error(transparent)]
    Prices(#[from] BarError),
    /// The change is not price less previous close.
    #[error("change `{change}` is not price `{price}` less previous close `{previous}`")]
    Change {
        /// The change that the vendor gives.
        change: Decimal,
        /// The price.
        price: Decimal,
        /// The previous close.
        previous: Decimal,
    },
    /// The change in percent is not the change over the previous close.
    #[error("change percent `{percent}` does not follow from change `{change}` and previous close `{previous}`")]
    Percent {
        /// The percentage that the vendor gives.
        percent: Decimal,
        /// The change.
        change: Decimal,
        /// The previous close.
        previous: Decimal,
    },
    /// Somebody offers more than somebody asks.
    #[error("bid `{bid}` is above ask `{ask}`")]
    BidAboveAsk {
        /// What a buyer offers.
        bid: Decimal,
        /// What a seller asks.
        ask: Decimal,
    },
    /// A text that is neither a date nor a local time.
    #[error("time `{0}` is not written as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")]
    NotATime(String),
    /// A local time without a place on the time line.
    #[error(transparent)]
    LocalTime(#[from] LocalTimeError),
    /// Later than the present.
    #[error("time `{at}` lies in the future of `{now}`")]
    Future {
        /// The time of the row.
        at: Timestamp,
        /// When the reply was read.
        now: Timestamp,
    },
    /// A trading day that has not come yet in New York.
    #[error("trading day `{day}` lies in the future of `{today}` in New York")]
    FutureDay {
        /// The day of the row.
        day: Date,
        /// The day in New York when the reply was read.
        today: Date,
    },
    /// Before the vendor's first day.
    #[error("day `{0}` lies before 2000-01-01, the vendor's first day")]
    TooEarly(Date),
    /// A day on which no exchange of the United States trades.
    #[error("day `{0}` is no trading day in New York")]
    NotATradingDay(Date),
    /// A bar that does not begin on a multiple of its interval.
    #[error("bar `{label}` does not lie on the grid of interval `{interval}`")]
    OffGrid {
        /// The vendor's time label.
        label: String,
        /// The interval asked for.
        interval: Interval,
    },
    /// A bar outside of the session that was asked for.
    #[error("bar `{label}` lies outside of the session of `{open}` to `{close}` of a trading day in New York")]
    OutsideSession {
        /// The vendor's time label.
        label: String,
        /// First moment of the session, local time.
        open: jiff::civil::Time,
        /// Last moment of the session, local time, exclusive.
        close: jiff::civil::Time,
    },
    /// A second row about the same, such as a second bar of one time.
    #[error("`{0}` is there twice")]
    Duplicate(String),
    /// A bar that breaks the order of time.
    #[error("bar `{label}` breaks the order of time: it follows on `{previous}`")]
    OutOfOrder {
        /// The vendor's time label.
        label: String,
        /// The label before it.
        previous: String,
    },
}
