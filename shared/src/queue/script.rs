//! A script and how it is called.
//!
//! A script says in its line `-- KEYS:` which keys it takes, by their names in a [`Layout`]; they are passed in that
//! order, and are local variables of these names in it. A line `-- INCLUDE:` stands for a part that others share. A
//! script is called by its digest; a server that does not know it is sent the text instead, which makes it known.
//!
//! What a queue is, this file does not know.

use redis::{Cmd, Value};

use super::{Error, Redis, connection::Request};

/// Begins a line of a script in whose place a shared part stands.
const INCLUDE: &str = "-- INCLUDE: ";
/// The part that says what time it is.
pub(crate) const CLOCK: (&str, &str) = ("clock", include_str!("scripts/clock.lua"));

/// What the scripts of one kind of data share: the names of the keys, in the order in which a call has them, and the
/// parts by their names.
pub(crate) struct Layout {
    pub keys: &'static [&'static str],
    pub parts: &'static [(&'static str, &'static str)],
}

impl Layout {
    /// The place of a key among all keys.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|known| *known == name)
    }

    fn part(&self, name: &str) -> &'static str {
        let found = self.parts.iter().find(|(known, _)| *known == name);
        found.expect("a shared part that is named exists").1
    }
}

pub(crate) struct Script {
    text: String,
    digest: String,
    keys: Vec<usize>,
    /// Whether replicas must have what it writes, if any are asked.
    is_replicated: bool,
}

impl Script {
    /// A script of this text.
    ///
    /// # Panics
    /// If it names no keys, or a key or a shared part that does not exist: a fault of the program, found by the first
    /// call.
    pub fn new(own: &'static str, layout: &Layout) -> Self {
        let names = own.lines().find_map(|line| line.strip_prefix("-- KEYS: "));
        let names: Vec<&str> = names.expect("a script names its keys").split(' ').collect();
        let keys = names
            .iter()
            .map(|name| layout.index_of(name).expect("a script's keys exist"));
        let mut text = format!("local {} = unpack(KEYS)\n", names.join(", "));
        for line in own.lines() {
            text.push_str(
                line.trim_start()
                    .strip_prefix(INCLUDE)
                    .map_or(line, |name| layout.part(name)),
            );
            text.push('\n');
        }
        // Comments are for readers, and would travel with every transaction.
        let is_code = |line: &&str| !line.trim_start().starts_with("--");
        let text = text.lines().filter(is_code).collect::<Vec<_>>().join("\n");
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

    pub async fn run(&self, redis: &Redis, keys: &[String], arguments: impl Fn(&mut Cmd)) -> Result<Value, Error> {
        let call = |command: &str, script: &str| self.call(command, script, keys, &arguments);
        let first = call("EVALSHA", &self.digest);
        if self.is_replicated {
            return match redis.write(Request::Command(&first), &keys[0]).await {
                Err(error) if error.is_no_script() => {
                    redis.write(Request::Command(&call("EVAL", &self.text)), &keys[0]).await
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
    pub fn in_transaction(&self, keys: &[String], arguments: impl Fn(&mut Cmd)) -> Cmd {
        self.call("EVAL", &self.text, keys, &arguments)
    }

    fn call(&self, command: &str, script: &str, keys: &[String], arguments: &impl Fn(&mut Cmd)) -> Cmd {
        let mut cmd = redis::cmd(command);
        cmd.arg(script).arg(self.keys.len());
        for index in &self.keys {
            cmd.arg(&keys[*index]);
        }
        arguments(&mut cmd);
        cmd
    }
}
