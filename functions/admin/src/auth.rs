//! Who may call the admin API: whoever holds the admin token.

use lambda_http::http::HeaderMap;
use lambda_http::http::header::AUTHORIZATION;
use shared::config::{Environment, Error};
use subtle::ConstantTimeEq;

/// The shortest token that cannot be guessed.
const SHORTEST: usize = 16;

/// The token that opens everything.
pub(crate) struct AdminToken(String);

impl AdminToken {
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let (name, expected) = ("ADMIN_TOKEN", "a random text of at least 16 characters");
        let token = environment.required(name, expected)?;
        if token.len() < SHORTEST {
            return Err(Error::Malformed { name, expected });
        }
        Ok(Self(token.to_owned()))
    }

    /// Whether the request carries `Authorization: Bearer <token>`. Takes the same time for every wrong token of the
    /// right length.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|token| token.trim().as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn only_the_whole_token_opens() {
        let token = AdminToken::load(&Environment::from_values([("ADMIN_TOKEN", TOKEN)])).unwrap();
        let carries = |value: &str| token.is_in(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]));
        assert!(carries(&format!("Bearer {TOKEN}")));
        for value in [
            "",
            "Bearer",
            "Bearer ",
            TOKEN,
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeF",
        ] {
            assert!(!carries(value), "{value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_token_that_can_be_guessed_stops_the_cold_start() {
        assert!(AdminToken::load(&Environment::from_values([("ADMIN_TOKEN", "secret")])).is_err());
    }
}
