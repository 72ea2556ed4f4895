//! What was asked and what was heard: one line before each request and one after its last answer, in a file, as they come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use retail_runtime::Clock;
use serde::Serialize;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// A partner asks for an order.
    Order {
        /// Its number.
        number: String,
        /// What it is worth.
        pence: i64,
    },
    /// The shop sells: a fact.
    Sale {
        /// Its number.
        number: String,
        /// What it is worth.
        pence: i64,
    },
    /// An order is called off.
    Cancel {
        /// Its number.
        order: String,
    },
    /// A piece of an order comes back.
    Return {
        /// Its number at the service desk.
        reference: String,
        /// The order's number.
        order: String,
    },
}

/// What was heard in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "heard", content = "detail", rename_all = "snake_case")]
pub enum Heard {
    /// It was done; the id that was answered.
    Ok(String),
    /// It was refused.
    Fail(String),
    /// Nobody said; it may be done.
    Info,
}

/// The book of a run.
#[derive(Debug)]
pub struct History {
    clock: Clock,
    file: Mutex<BufWriter<File>>,
    book: Mutex<BTreeMap<String, (Deed, Heard)>>,
}

#[derive(Serialize)]
struct Line<'a, T> {
    at: String,
    key: &'a str,
    #[serde(flatten)]
    what: &'a T,
}

impl History {
    /// Written to this file.
    pub fn create(clock: &Clock, path: &Path) -> anyhow::Result<Self> {
        let file = Mutex::new(BufWriter::new(File::create(path)?));
        Ok(Self { clock: clock.clone(), file, book: Mutex::default() })
    }

    /// Before the first request under this key: from now on it may be done.
    pub fn invoke(&self, key: &str, deed: Deed) {
        self.write(key, &deed);
        self.lock().insert(key.to_owned(), (deed, Heard::Info));
    }

    /// After the last answer.
    pub fn heard(&self, key: &str, heard: Heard) {
        self.write(key, &heard);
        if let Some(entry) = self.lock().get_mut(key) {
            entry.1 = heard;
        }
    }

    /// Everything so far, by key.
    pub fn book(&self) -> BTreeMap<String, (Deed, Heard)> {
        self.lock().clone()
    }

    fn write(&self, key: &str, what: &impl Serialize) {
        let line = serde_json::to_string(&Line { at: self.clock.now().to_string(), key, what }).unwrap();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").unwrap();
        file.flush().unwrap();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Deed, Heard)>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
