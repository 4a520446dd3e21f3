//! queue-drain.
