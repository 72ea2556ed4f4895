//! Faults planted into a twin: what a vendor does on a bad day, on demand and counted.

use std::sync::{Mutex, PoisonError};

use retail_runtime::Rng;
use serde::{Deserialize, Serialize};

use crate::twin::Seen;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Answers `status` without doing anything.
    Status,
    /// Does everything, then drops the connection without an answer.
    ResetAfterCommit,
    /// Drops the connection without doing anything.
    ResetBefore,
    /// Does everything, then answers 500.
    ErrorAfterCommit,
    /// Waits `delay_ms` first.
    Delay,
    /// Does everything, answers half the body and drops the connection.
    Truncate,
    /// Kills every token first.
    ExpireTokens,
}

/// A planted fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Number, given when planted.
    #[serde(default)]
    pub id: u64,
    /// What goes wrong.
    pub kind: Kind,
    /// HTTP status, for `status`.
    #[serde(default = "too_many")]
    pub status: u16,
    /// Milliseconds, for `delay`.
    #[serde(default)]
    pub delay_ms: u64,
    /// Only paths that contain this.
    #[serde(default)]
    pub path_contains: String,
    /// Only this method.
    #[serde(default)]
    pub method: String,
    /// This many times; 0 is always.
    #[serde(default)]
    pub times: u64,
    /// In so many of a thousand matching requests.
    #[serde(default = "always")]
    pub per_mille: u32,
    /// How often it has struck.
    #[serde(default)]
    pub struck: u64,
}

fn too_many() -> u16 {
    429
}

fn always() -> u32 {
    1000
}

/// The faults of one twin.
#[derive(Default)]
pub(crate) struct Faults {
    planted: Mutex<Vec<Fault>>,
}

impl Faults {
    pub(crate) fn plant(&self, mut fault: Fault) -> u64 {
        let mut planted = self.lock();
        fault.id = planted.iter().map(|fault| fault.id).max().unwrap_or(0).saturating_add(1);
        fault.struck = 0;
        let id = fault.id;
        planted.push(fault);
        id
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The fault that strikes this request, if one does.
    pub(crate) fn strike(&self, seen: &Seen, rng: &Rng) -> Option<Fault> {
        let mut planted = self.lock();
        let fault = planted.iter_mut().find(|fault| {
            (fault.times == 0 || fault.struck < fault.times)
                && seen.path.contains(&fault.path_contains)
                && (fault.method.is_empty() || fault.method.eq_ignore_ascii_case(seen.method.as_str()))
                && rng.chance(fault.per_mille)
        })?;
        fault.struck = fault.struck.saturating_add(1);
        Some(fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.planted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
