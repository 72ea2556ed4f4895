//! Processes over the model store, in paused time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod claim;
mod drive;
mod errands;
mod feed;
mod figures;
mod follow;
mod groups;
mod inbox;
mod journal;
mod lanes;
mod operations;
mod reading;
mod replicas;
mod restless;
mod toy;
mod upkeep;
