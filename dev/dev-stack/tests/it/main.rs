//! The local stack, in pieces and as a whole.

mod bench;
mod http;
mod invoke;
mod services;
mod state_machine;
mod system;
