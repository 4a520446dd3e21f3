//! dev-stack.
