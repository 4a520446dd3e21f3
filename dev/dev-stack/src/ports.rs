//! Free ports on the loopback address.
//!
//! They are taken below the kernel's range for outgoing connections, so that no connection can grab one between the
//! choice and its use. Two instances may still choose the same one at the same moment: whoever starts a server on it
//! must be ready to try another.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The preferred port if nobody listens on it, else another free one.
pub fn free(preferred: Option<u16>) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    if let Some(port) = preferred
        && is_free(port)
    {
        return port;
    }
    // Each process starts somewhere else, so that two seldom meet.
    let start = (std::process::id() % u32::from(COUNT)) as u16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start.wrapping_mul(37) % COUNT + step) % COUNT;
        if is_free(port) {
            return port;
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_chosen() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free(Some(port)), port);
    }

    #[test]
    fn two_calls_choose_two_ports() {
        assert_ne!(free(None), free(None));
    }
}
