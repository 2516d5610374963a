//! The items of the series, as bytes with a version, and when they are due.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use pipeline::port::{CallError, Saved, SeriesStore, StoreError, Stored};
use series::{Item, SeriesId, Sets, StateError};

use crate::{
    checker::Checker,
    process::Process,
    trouble::{Call, Fault, Site},
    world::lock,
};

/// The table of the series.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Mutex<BTreeMap<SeriesId, Row>>,
    empty: Row,
    sets: Sets,
    checker: Arc<Mutex<Checker>>,
}

#[derive(Debug, Clone)]
struct Row {
    version: u64,
    bytes: Arc<[u8]>,
    due: Option<Timestamp>,
    /// The alerts that it owes, by their numbers.
    alerts: Arc<[(u64, Vec<u8>)]>,
}

/// The alerts that an item owes. Few do.
fn alerts(id: &SeriesId, item: &Item) -> Arc<[(u64, Vec<u8>)]> {
    item.owed().iter().filter_map(|owed| Some((owed.number, owed.entry(id)?.data))).collect()
}

impl Table {
    /// An empty one, for items with those indicators.
    pub(crate) fn of(sets: Sets, checker: Arc<Mutex<Checker>>) -> Self {
        let bytes = Item::default().encode().into();
        let empty = Row { version: 0, bytes, due: None, alerts: Arc::default() };
        Self { rows: Mutex::default(), empty, sets, checker }
    }

    /// The series that owe something, with how much.
    pub(crate) fn owing(&self) -> Vec<(SeriesId, usize)> {
        let rows = lock(&self.rows);
        let owed = |row: &Row| self.stored(row.clone()).map_or(1, |stored| stored.item.owed().len());
        rows.iter().map(|(id, row)| (id.clone(), owed(row))).filter(|(_, owed)| *owed > 0).collect()
    }

    /// How many series are due by then.
    pub(crate) fn due(&self, now: Timestamp) -> usize {
        lock(&self.rows).values().filter(|row| row.due.is_some_and(|due| due <= now)).count()
    }

    fn row(&self, id: &SeriesId) -> Row {
        lock(&self.rows).get(id).unwrap_or(&self.empty).clone()
    }

    fn stored(&self, row: Row) -> Result<Stored, StateError> {
        Ok(Stored { version: row.version, item: Item::decode(&row.bytes, &self.sets)? })
    }

    /// Writes a row if the version is still the one that was read, else returns what stands there.
    fn write(&self, id: &SeriesId, read: u64, row: Row) -> Option<Row> {
        let mut rows = lock(&self.rows);
        let current = rows.get(id).unwrap_or(&self.empty);
        if current.version != read {
            return Some(current.clone());
        }
        let is_owed = |number: u64| row.alerts.iter().any(|(owed, _)| *owed == number);
        for (number, alert) in current.alerts.iter().filter(|(number, _)| !is_owed(*number)) {
            lock(&self.checker).settled(&id.to_string(), *number, alert);
        }
        rows.insert(id.clone(), row);
        None
    }

    /// Another writer writes what stands there once more.
    fn overtake(&self, id: &SeriesId) {
        let mut row = self.row(id);
        row.version += 1;
        lock(&self.rows).insert(id.clone(), row);
    }
}

/// The table as a process calls it.
#[derive(Debug)]
pub(crate) struct StorePort {
    /// The table.
    pub(crate) table: Arc<Table>,
    /// Who calls.
    pub(crate) process: Arc<Process>,
}

impl SeriesStore for StorePort {
    async fn load(&self, id: &SeriesId) -> Result<Stored, StoreError> {
        let fault = self.process.begin(Site::Load, Call::Read).await.map_err(StoreError::Call)?;
        let row = self.table.row(id);
        self.process.end(Site::Load, fault).await.map_err(StoreError::Call)?;
        self.table.stored(row).map_err(StoreError::State)
    }

    /// One call for many, some of which may not be answered.
    async fn load_many(&self, ids: &[&SeriesId]) -> Vec<Result<Stored, StoreError>> {
        let answers = async {
            let fault = self.process.begin(Site::Load, Call::Batch(ids.len())).await?;
            let rows: Vec<Row> = ids.iter().map(|id| self.table.row(id)).collect();
            self.process.end(Site::Load, fault.clone()).await?;
            Ok::<_, CallError>((rows, fault))
        };
        let (rows, fault) = match answers.await {
            Ok(answers) => answers,
            Err(error) => return ids.iter().map(|_| Err(StoreError::Call(error.clone()))).collect(),
        };
        let refused = |at: usize| matches!(&fault, Some(Fault::Refuse(refused)) if refused[at]);
        let read = |(at, row)| {
            if refused(at) {
                return Err(StoreError::Call(CallError::unavailable("the table is busy")));
            }
            self.table.stored(row).map_err(StoreError::State)
        };
        rows.into_iter().enumerate().map(read).collect()
    }

    async fn save(&self, id: &SeriesId, stored: &Stored, due: Option<Timestamp>) -> Result<Saved, StoreError> {
        let bytes = stored.item.encode().into();
        let row = Row { version: stored.version + 1, bytes, due, alerts: alerts(id, &stored.item) };
        let fault = self.process.begin(Site::Save, Call::Conditional).await.map_err(StoreError::Call)?;
        if fault == Some(Fault::Overtaken) {
            self.table.overtake(id);
        }
        let refused = self.table.write(id, stored.version, row);
        self.process.end(Site::Save, fault).await.map_err(StoreError::Call)?;
        match refused {
            None => Ok(Saved::Done),
            Some(current) => self.table.stored(current).map(Saved::Refused).map_err(StoreError::State),
        }
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<SeriesId>, CallError> {
        let fault = self.process.begin(Site::Due, Call::Read).await?;
        let due = {
            let rows = lock(&self.table.rows);
            rows.iter().filter(|(_, row)| row.due.is_some_and(|due| due <= now)).map(|(id, _)| id.clone()).collect()
        };
        self.process.end(Site::Due, fault).await?;
        Ok(due)
    }
}
