//! Everything that more than one function needs.
