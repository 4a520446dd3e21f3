//! What `shared` promises, tested against the real services. Start them with `make test`.

mod chunk;
mod documents;
mod import_support;
mod jobs;
mod layers;
mod live;
mod mirror;
mod mirror_order;
mod mirror_support;
mod parts_order;
mod pooler;
mod queue;
mod queue_dead_letter;
mod queue_model;
mod queue_server;
mod queue_support;
mod resource;
mod samples;
mod scene;
mod settle;
mod stand_in;
mod tables;
mod traps;
