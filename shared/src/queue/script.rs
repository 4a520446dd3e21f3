//! A script and how it is called.
//!
//! A script says in its line `-- KEYS:` which keys it takes, by the names of [`keys`](super::keys); they are passed in
//! that order, and are local variables of these names in it. It is called by its digest; a server that does not know it
//! is sent the text instead, which makes it known.

use redis::{Cmd, Value};

use super::{
    Error, Redis,
    connection::Request,
    keys::{self, Keys},
};

pub(super) struct Script {
    text: String,
    digest: String,
    keys: Vec<usize>,
    /// Whether replicas must have what it writes, if any are asked.
    is_replicated: bool,
}

impl Script {
    /// A script from the parts that others share with it, and its own text.
    ///
    /// # Panics
    /// If it names no keys, or one that does not exist: a fault of the program, found by the first call.
    pub fn new(shared: &[&str], own: &str) -> Self {
        let names = own.lines().find_map(|line| line.strip_prefix("-- KEYS: "));
        let names: Vec<&str> = names.expect("a script names its keys").split(' ').collect();
        let keys = names
            .iter()
            .map(|name| keys::index_of(name).expect("a script's keys exist"));
        let text = format!("local {} = unpack(KEYS)\n{}{own}", names.join(", "), shared.concat());
        Self {
            keys: keys.collect(),
            digest: redis::Script::new(&text).get_hash().to_owned(),
            text,
            is_replicated: false,
        }
    }

    /// The same script, which is done when as many replicas have its writes as the settings ask for.
    pub fn replicated(self) -> Self {
        Self {
            is_replicated: true,
            ..self
        }
    }

    /// How many keys it takes.
    #[cfg(test)]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub async fn run(&self, redis: &Redis, keys: &Keys, arguments: impl Fn(&mut Cmd)) -> Result<Value, Error> {
        let call = |command: &str, script: &str| self.call(command, script, keys, &arguments);
        let first = call("EVALSHA", &self.digest);
        if self.is_replicated {
            return match redis.write(Request::Command(&first), keys.at(0)).await {
                Err(error) if error.is_no_script() => {
                    redis
                        .write(Request::Command(&call("EVAL", &self.text)), keys.at(0))
                        .await
                }
                outcome => outcome,
            };
        }
        match redis.query(&first).await.map_err(Error::from) {
            Err(error) if error.is_no_script() => Ok(redis.query(&call("EVAL", &self.text)).await?),
            outcome => outcome,
        }
    }
    /// The script as a part of a transaction: with its text, since a server that does not know it would skip it there and
    /// go on.
    pub fn in_transaction(&self, keys: &Keys, arguments: impl Fn(&mut Cmd)) -> Cmd {
        self.call("EVAL", &self.text, keys, &arguments)
    }

    fn call(&self, command: &str, script: &str, keys: &Keys, arguments: &impl Fn(&mut Cmd)) -> Cmd {
        let mut cmd = redis::cmd(command);
        cmd.arg(script).arg(self.keys.len());
        for index in &self.keys {
            cmd.arg(keys.at(*index));
        }
        arguments(&mut cmd);
        cmd
    }
}
