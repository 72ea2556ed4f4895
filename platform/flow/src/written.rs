//! What a driver's commit was told, as the journal writes it down and a replay reads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::driver::{Finished, Round, Said};
use crate::failure::Failure;
use crate::mask::Personal;
use crate::process::Process;
use crate::step::Step as _;

/// How a process's rounds are written down, and where its documents hold personal data. A process that can say this keeps
/// a journal.
pub struct Kept<P: Process> {
    pub(crate) write: fn(&Round<P>) -> Vec<u8>,
    pub(crate) read: fn(&[u8]) -> Result<Round<P>, String>,
    pub(crate) outcome: fn(&P::Outcome) -> Value,
    pub(crate) personal: &'static [Personal],
}

#[derive(Serialize, Deserialize)]
struct WrittenRound<S, O> {
    closing: bool,
    flying: BTreeMap<String, String>,
    finished: Vec<WrittenCall<S, O>>,
}

#[derive(Serialize, Deserialize)]
struct WrittenCall<S, O> {
    name: String,
    attempt: u32,
    verify: bool,
    /// The wait that was drawn for the next attempt.
    wait: Duration,
    step: S,
    said: WrittenSaid<O>,
}

#[derive(Serialize, Deserialize)]
enum WrittenSaid<O> {
    Brought(O),
    Missing,
    Failed(Failure),
}

impl<P: Process> Kept<P>
where
    P::Step: Serialize + DeserializeOwned,
    P::Outcome: Serialize + DeserializeOwned,
{
    /// By serde. `personal` names every place of the document that holds personal data.
    #[must_use]
    pub fn with(personal: &'static [Personal]) -> Self {
        let outcome = |outcome: &P::Outcome| serde_json::to_value(outcome).unwrap_or_default();
        Self { write: write::<P>, read: read::<P>, outcome, personal }
    }
}

fn write<P: Process>(round: &Round<P>) -> Vec<u8>
where
    P::Step: Serialize,
    P::Outcome: Serialize,
{
    let finished = round.finished.iter().map(|done| WrittenCall {
        name: done.step.name(),
        attempt: done.attempt,
        verify: done.verify,
        wait: done.wait,
        step: &done.step,
        said: match &done.said {
            Said::Brought(outcome) => WrittenSaid::Brought(outcome),
            Said::Missing => WrittenSaid::Missing,
            Said::Failed(failure) => WrittenSaid::Failed(failure.clone()),
        },
    });
    let written =
        WrittenRound { closing: round.closing, flying: round.flying.clone(), finished: finished.collect::<Vec<_>>() };
    // Only a map whose keys are no texts cannot be written: a defect that `read` then names.
    serde_json::to_vec(&written).unwrap_or_else(|error| error.to_string().into_bytes())
}

fn read<P: Process>(text: &[u8]) -> Result<Round<P>, String>
where
    P::Step: DeserializeOwned,
    P::Outcome: DeserializeOwned,
{
    let written: WrittenRound<P::Step, P::Outcome> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let finished = written.finished.into_iter().map(|call| {
        let said = match call.said {
            WrittenSaid::Brought(outcome) => Said::Brought(outcome),
            WrittenSaid::Missing => Said::Missing,
            WrittenSaid::Failed(failure) => Said::Failed(failure),
        };
        Arc::new(Finished { step: call.step, attempt: call.attempt, verify: call.verify, said, wait: call.wait })
    });
    Ok(Round { finished: finished.collect(), flying: written.flying, closing: written.closing })
}
