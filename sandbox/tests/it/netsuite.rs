//! The NetSuite twin, row by row of the fidelity checklist of its vendor document.

mod account;
mod orders;
mod queries;
mod records;
mod signing;
