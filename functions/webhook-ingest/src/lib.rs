//! webhook-ingest.
