//! Mercury on one machine: private Postgres and Redis, a fake Shopify, every function under a Lambda runtime, the
//! gateways in front of them, the schedules and the state machine.
//!
//! `make up`, `make demo` and the system tests are this one [`stack::Stack`] at different sizes. Nothing needs Docker or an AWS
//! account, nothing listens beyond 127.0.0.1, and no line that is printed carries a payload or a secret.

pub mod binaries;
pub mod chaos;
pub mod demo;
pub mod env_file;
pub mod functions;
pub mod gateway;
pub mod home;
pub mod migrations;
pub mod moto;
pub mod ports;
pub mod process;
pub mod runtime;
pub mod schedule;
pub mod services;
pub mod shopify;
pub mod signals;
pub mod stack;
pub mod state_machine;
