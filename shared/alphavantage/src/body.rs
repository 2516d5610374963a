//! Bodies of JSON and CSV: where the data of a function stand in them, and what stands there instead.

use std::collections::BTreeSet;

use market::MoverList;
use serde_json::value::RawValue;

use crate::{
    Context, Expected, Function, Reading, Verdict, crypto_daily, csv, daily, earnings, field,
    field::Row,
    function::About,
    intraday, json,
    json::Object,
    markets, movers, news, pair_intraday, quote, rate,
    reading::{UNKNOWN_FIELDS_MAX, is_success},
    refusal::{classify, is_message, spaced},
    series::Series,
    shape::{self, Layout},
};

/// A field of the top level.
struct Field<'a> {
    word: String,
    name: String,
    value: &'a RawValue,
}

/// What stands under the keys of the data.
enum Data<'a> {
    /// The key, its value, and the fields in it.
    Object(&'a str, &'a RawValue, Object<'a>),
    /// Each key with its word and its rows.
    Lists(Vec<(&'a Field<'a>, Vec<&'a RawValue>)>),
}

impl Data<'_> {
    fn is_hollow(&self) -> bool {
        match self {
            Self::Object(.., object) => object.0.is_empty(),
            Self::Lists(lists) => lists.iter().all(|(_, rows)| rows.is_empty()),
        }
    }
}

/// Reads a body that is a JSON object.
pub(crate) fn read_object(expected: &Expected, status: u16, object: Object<'_>, context: &Context) -> Reading {
    let fields: Vec<Field<'_>> =
        object.0.into_iter().map(|(name, value)| Field { word: field::word(&name), name, value }).collect();
    let messages = fields.iter().filter(|field| is_message(&field.word));
    let words: Vec<String> = messages
        .filter_map(|field| json::string(field.value))
        .filter(|text| !is_praise(text))
        .map(|text| spaced(&text))
        .collect();
    let words = words.join(" ");
    let data = match data(expected.function.filter(|_| is_success(status)), &fields) {
        Ok(data) => data,
        Err(what) => return Reading::unexplained(status, &what),
    };
    match (expected.function, data) {
        (Some(function), Some(data)) if !data.is_hollow() => {
            if is_artificial(function, &fields, &words) {
                let words = if words.is_empty() { "the reply does not say `success`".to_owned() } else { words };
                return Reading::without_data(Verdict::Artificial, words);
            }
            let beside = fields.iter().filter(|field| !shape::is_known_key(function, &field.word));
            let beside = beside.map(|field| field.name.clone());
            named(read_data(function, expected, &data, &fields, context), beside)
        }
        (function, data) => without_data(function, status, &fields, words, data.is_some()),
    }
}

/// What the message of a good reply says.
fn is_praise(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("success")
}

/// What stands under the keys of the function's data; `None` if there is no such key.
fn data<'a>(function: Option<Function>, fields: &'a [Field<'a>]) -> Result<Option<Data<'a>>, String> {
    let Some(function) = function else { return Ok(None) };
    let found: Vec<&Field<'_>> = fields.iter().filter(|field| shape::is_data_key(function, &field.word)).collect();
    let many = || format!("there is more than one `{}`", shape::data_key(Some(function)));
    match (shape::layout(function), found.as_slice()) {
        (_, []) => Ok(None),
        (Layout::List, found) => {
            let words: BTreeSet<&str> = found.iter().map(|field| field.word.as_str()).collect();
            if words.len() < found.len() {
                return Err(many());
            }
            let list = |field: &&'a Field<'a>| match json::list(field.value.get()) {
                Some(rows) => Ok((*field, rows)),
                None => Err(format!("`{}` is not a list", shape::data_key(Some(function)))),
            };
            Ok(Some(Data::Lists(found.iter().map(list).collect::<Result<_, _>>()?)))
        }
        (_, [field]) => match json::object(field.value.get()) {
            Ok(object) => Ok(Some(Data::Object(&field.name, field.value, object))),
            Err(_) => Err(format!("`{}` is not an object", shape::data_key(Some(function)))),
        },
        _ => Err(many()),
    }
}

/// Whether the vendor says of its own data that it is made up: `message` is anything but `success`,
/// or any of the words says so. Bulk quotes must say `success`.
fn is_artificial(function: Function, fields: &[Field<'_>], words: &str) -> bool {
    let mut messages =
        fields.iter().filter(|field| field.word == "message").map(|field| json::string(field.value)).peekable();
    let is_mute = function == Function::RealtimeBulkQuotes && messages.peek().is_none();
    let is_bad = messages.any(|message| message.is_none_or(|text| !is_praise(&text)));
    is_mute || is_bad || words.to_lowercase().contains("artificial")
}

/// A reply without data, or with an empty place for them: the wording says why, if anything does.
fn without_data(
    function: Option<Function>,
    status: u16,
    fields: &[Field<'_>],
    words: String,
    is_hollow: bool,
) -> Reading {
    // A sample of the vendor's is none of its data, whatever was asked.
    let is_sample =
        |field: &Field<'_>| field.word == "data" && json::list(field.value.get()).is_some_and(|rows| !rows.is_empty());
    let has_message = fields.iter().any(|field| field.word == "message");
    if !words.is_empty() && has_message && fields.iter().any(is_sample) {
        return Reading::without_data(Verdict::Artificial, words);
    }
    if let Some(verdict) = classify(&words) {
        return Reading::without_data(verdict, words);
    }
    let key = shape::data_key(function);
    if !words.is_empty() {
        return Reading::unexplained(status, &format!("{words} (and there is no `{key}`)"));
    }
    let has_meta = fields.iter().any(|field| field.word == "metadata" && json::object(field.value.get()).is_ok());
    let layout = function.map(shape::layout);
    let has_subject = function.is_none_or(|function| function.about() != About::Nothing);
    match layout {
        _ if !is_success(status) => Reading::unexplained(status, "a body without a message"),
        Some(Layout::Row) if is_hollow => Reading::without_data(Verdict::UnknownSymbol, format!("`{key}` is empty")),
        _ if is_hollow => Reading::without_data(Verdict::Empty, format!("there is nothing in `{key}`")),
        _ if fields.is_empty() && has_subject => {
            Reading::without_data(Verdict::UnknownSymbol, "the reply is an empty object")
        }
        Some(Layout::Series) if has_meta => {
            Reading::without_data(Verdict::UnknownSymbol, "the reply has `Meta Data` and no series")
        }
        _ => {
            let names: Vec<_> = fields.iter().take(8).map(|field| format!("`{}`", field.name)).collect();
            Reading::unexplained(status, &format!("the body has {} and no `{key}`", names.join(", ")))
        }
    }
}

/// The reading with more unknown fields; only data have any.
fn named(reading: Reading, more: impl Iterator<Item = String>) -> Reading {
    let is_data = reading.verdict == Verdict::Data;
    let unknown_fields = if is_data { unknown(more.chain(reading.unknown_fields)) } else { Vec::new() };
    Reading { unknown_fields, ..reading }
}

/// Names for [`Reading::unknown_fields`].
fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let names: BTreeSet<String> = names.map(|name| crate::reason::excerpt(&name)).collect();
    names.into_iter().take(UNKNOWN_FIELDS_MAX).collect()
}

/// Reads what stands under the keys of the data, and names what nobody reads.
fn read_data(
    function: Function,
    expected: &Expected,
    data: &Data<'_>,
    fields: &[Field<'_>],
    context: &Context,
) -> Reading {
    let text = |word: &str| fields.iter().find(|field| field.word == word).and_then(|field| json::string(field.value));
    let lists = match data {
        Data::Object(key, value, object) => {
            if shape::layout(function) == Layout::Row {
                return read_rows(function, expected, vec![Row::json((*key).to_owned(), value)], &[key], context);
            }
            let Some(meta) = fields.iter().find(|field| field.word == "metadata") else {
                return Reading::unexplained(200, "there is a series and no `Meta Data`");
            };
            let meta = Row::json(meta.name.clone(), meta.value);
            let rows = object.0.iter().map(|(label, row)| Row::json(label.clone(), row)).collect();
            return read_series(function, expected, Series { named: Some((key, meta)), rows }, context);
        }
        Data::Lists(lists) => lists,
    };
    let label = |list: &Field<'_>, at: usize| format!("{} {}", list.name, at + 1);
    let rows: Vec<Row<'_>> = lists
        .iter()
        .flat_map(|(list, rows)| rows.iter().enumerate().map(move |(at, row)| Row::json(label(list, at), row)))
        .collect();
    if function != Function::TopGainersLosers {
        return read_rows(function, expected, rows, &[], context);
    }
    let places = lists.iter().flat_map(|(field, rows)| {
        let list = MoverList::ALL.into_iter().find(|list| field::word(list.as_str()) == field.word);
        (1..).take(rows.len()).filter_map(move |rank| Some((list?, rank)))
    });
    let reading = movers::read(text("lastupdated").as_deref(), &rows, places, context);
    named(reading, unknown_in(function, &rows).into_iter())
}

fn unknown_in(function: Function, rows: &[Row<'_>]) -> Vec<String> {
    let known = shape::fields(function);
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.unknown(known)).collect();
    unknown(names.into_iter().map(str::to_owned))
}

/// Reads rows that need nothing but themselves.
fn read_rows(
    function: Function,
    expected: &Expected,
    rows: Vec<Row<'_>>,
    marks: &[&str],
    context: &Context,
) -> Reading {
    let unknown_fields = unknown_in(function, &rows);
    let reading = match (function, rows.as_slice()) {
        (Function::GlobalQuote, _) => quote::read(expected, &rows, marks, context),
        (Function::CurrencyExchangeRate, [row]) => rate::read(expected, row, context),
        (Function::RealtimeBulkQuotes, _) => quote::read_bulk(expected, &rows, context),
        (Function::NewsSentiment, _) => news::read(&rows, context),
        (Function::MarketStatus, _) => markets::read(&rows, context),
        (Function::EarningsCalendar, _) => earnings::read(expected, &rows),
        _ => Reading::unexplained(200, "the reply has not the form of its function"),
    };
    named(reading, unknown_fields.into_iter())
}

fn read_series(function: Function, expected: &Expected, series: Series<'_>, context: &Context) -> Reading {
    let mut unknown_fields = unknown_in(function, &series.rows);
    unknown_fields.extend(series.named.iter().flat_map(|(_, meta)| meta.unknown(shape::META)).map(str::to_owned));
    let reading = match function {
        Function::TimeSeriesIntraday => intraday::read(expected, series, context),
        Function::TimeSeriesDaily => daily::read(false, expected, series, context),
        Function::TimeSeriesDailyAdjusted => daily::read(true, expected, series, context),
        Function::CryptoIntraday => pair_intraday::read(pair_intraday::Kind::Crypto, expected, series, context),
        Function::FxIntraday => pair_intraday::read(pair_intraday::Kind::Fx, expected, series, context),
        Function::DigitalCurrencyDaily => crypto_daily::read(expected, series, context),
        _ => Reading::unexplained(200, "the reply is a series, and its function has none"),
    };
    named(reading, unknown_fields.into_iter())
}

/// Reads a CSV. A series names neither its symbol nor its interval nor its time zone there, so those
/// of the request are taken unchecked: ask for CSV only where that is good enough.
pub(crate) fn read_table(function: Function, expected: &Expected, table: &csv::Table, context: &Context) -> Reading {
    let is_series = shape::layout(function) == Layout::Series;
    let rows: Vec<Row<'_>> = table
        .rows
        .iter()
        .map(|cells| {
            let label = if is_series { table.cell(cells, "timestamp").unwrap_or_default() } else { function.as_str() };
            Row::csv(label.to_owned(), &table.columns, cells.clone())
        })
        .collect();
    let nothing = "the CSV has a header and no row";
    match function {
        Function::GlobalQuote if rows.is_empty() => Reading::without_data(Verdict::UnknownSymbol, nothing),
        _ if rows.is_empty() => Reading::without_data(Verdict::Empty, nothing),
        _ if is_series => read_series(function, expected, Series { named: None, rows }, context),
        _ => read_rows(function, expected, rows, &[], context),
    }
}
