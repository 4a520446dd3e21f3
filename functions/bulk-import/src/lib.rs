//! bulk-import.
