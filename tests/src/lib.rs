//! Proofs of the whole mesh live beside this file, one folder a kind: `tidy` holds the house rules.
