//! Whether the Redis behind the queues is set up to keep what it is given.

use std::collections::HashMap;

use redis::Value;

use super::{Error, Redis};

impl Redis {
    /// What is wrong with the server for a queue, in words for an operator; nothing is best. A server that does not say
    /// how it is set up (a restricted user, a managed service) is not blamed for it.
    pub async fn advice(&self) -> Result<Vec<String>, Error> {
        let answer = self.query(redis::cmd("INFO").arg("everything")).await?;
        let mut texts = Vec::new();
        collect(answer, &mut texts);
        let mut advice: Vec<String> = texts.iter().flat_map(|text| judge(text)).collect();
        advice.sort_unstable();
        advice.dedup();
        Ok(advice)
    }
}

/// The texts of an answer: one, or in a cluster one for each node.
fn collect(answer: Value, texts: &mut Vec<String>) {
    match answer {
        Value::BulkString(bytes) => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => texts.push(text),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, texts)),
        Value::Map(entries) => entries.into_iter().for_each(|(_, item)| collect(item, texts)),
        _ => {}
    }
}

fn judge(info: &str) -> Vec<String> {
    let said: HashMap<&str, &str> = info.lines().filter_map(|line| line.trim().split_once(':')).collect();
    let is = |name: &str, value: &str| said.get(name) == Some(&value);
    let mut advice = Vec::new();
    if let Some(policy) = said
        .get("maxmemory_policy")
        .filter(|policy| policy.starts_with("allkeys"))
    {
        advice.push(format!(
            "maxmemory-policy is {policy}, which throws queues away when memory runs out: set noeviction"
        ));
    }
    if is("aof_enabled", "0") && is("connected_slaves", "0") && is("role", "master") {
        advice.push("neither an append-only file nor a replica: what is in the queues is lost with the process".into());
    }
    if is("aof_last_write_status", "err") || is("rdb_last_bgsave_status", "err") {
        advice.push("the last attempt to write to disk failed: look at the server's log and its disk".into());
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_may_lose_queues_is_blamed_with_the_fix() {
        let careless = "# Memory\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:0\r\n\
                        rdb_last_bgsave_status:ok\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
        let advice = judge(careless);
        assert_eq!(advice.len(), 2);
        assert!(advice[0].contains("allkeys-lru") && advice[0].contains("noeviction"));
    }

    #[test]
    fn a_careful_or_silent_server_is_not() {
        for text in [
            "maxmemory_policy:volatile-lru\naof_enabled:1\nrole:master\nconnected_slaves:0\naof_last_write_status:ok",
            "maxmemory_policy:noeviction\naof_enabled:0\nrole:master\nconnected_slaves:1",
            "redis_version:7.1",
        ] {
            assert!(judge(text).is_empty(), "{text}");
        }
    }
}
