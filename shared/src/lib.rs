//! Everything that more than one function needs.

pub mod queue;
