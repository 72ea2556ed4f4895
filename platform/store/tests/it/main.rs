//! The store's tests: one conformance suite over every back end, the updates above it, and what only a disk can do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "tests may panic")]

mod agree;
mod bed;
mod commits;
mod crash;
mod disk;
mod failover;
mod feeds;
mod follower;
mod lease_history;
mod leases;
mod linear;
mod lists;
mod load;
mod loops;
mod moves;
mod power;
mod power_nodes;
mod redis_only;
mod relaxed;
mod servers;
mod start;
mod updates;
mod wrong;
