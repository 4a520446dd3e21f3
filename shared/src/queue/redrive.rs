//! Redrive tasks: sending many dead letters somewhere, at a rate, with progress, until they are done or cancelled.
//!
//! - A queue has one task at a time; the last ten are kept.
//! - Nothing is resident: a task goes on whenever somebody calls [`DeadLetterQueue::advance`], also several at once.
//! - Letters that died after the task began are not touched, so it ends. A crash between a move and the note of it makes
//!   the numbers smaller than the truth, and loses or doubles no message.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use tokio::time::Instant;

use super::{
    DeadLetterQueue, DeadMessage, Error, Filter, MAX_MESSAGES, MessageId, Queue, Send, Settled, dead_letter::After,
    scripts,
};

/// What a redrive is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Redrive {
    /// Which dead letters.
    pub filter: Filter,
    /// The name of the queue they go to; their source if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Most messages a second; as many as go if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
}

/// A redrive and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedriveTask {
    /// Its identity.
    pub id: Uuid,
    /// What it does.
    pub redrive: Redrive,
    /// Where it stands.
    pub status: RedriveStatus,
    /// How many dead letters there were that it would have to look at.
    pub to_look_at: u64,
    /// How many it has looked at and left where they are.
    pub left: u64,
    /// How many it has moved.
    pub moved: u64,
    /// When it began, in ms since 1970.
    pub started_at: u64,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// The last letter that was left where it is: its identity and when it died.
    left_last: Option<(MessageId, u64)>,
}

/// Where a redrive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedriveStatus {
    /// It goes on with the next call.
    Running,
    /// Every dead letter that was meant has been moved.
    Completed,
    /// It was stopped; what had moved stays where it is.
    Cancelled,
}

/// What one step did.
#[derive(Default)]
struct Step {
    left: u64,
    moved: u64,
    left_last: Option<(MessageId, u64)>,
    is_last: bool,
}

impl DeadLetterQueue {
    /// Begins a redrive. `None` if another one is running.
    pub async fn start_redrive(&self, redrive: Redrive) -> Result<Option<RedriveTask>, Error> {
        if redrive.per_second == Some(0) {
            return Err(Error::Invalid {
                argument: "messages per second",
                expected: "at least 1",
            });
        }
        let (now, tasks) = self.tasks().await?;
        let newest = tasks.into_iter().next();
        if newest
            .as_ref()
            .is_some_and(|(_, task)| task.status == RedriveStatus::Running)
        {
            return Ok(None);
        }
        let task = RedriveTask {
            id: Uuid::now_v7(),
            redrive,
            status: RedriveStatus::Running,
            to_look_at: self.queue.attributes().await?.dead,
            left: 0,
            moved: 0,
            started_at: now,
            ended_at: None,
            left_last: None,
        };
        let expected = newest.map(|(text, _)| text).unwrap_or_default();
        let begun = scripts::put_task(&self.queue, &expected, &text(&task), true).await?;
        Ok(begun.then_some(task))
    }

    /// The last redrives, the newest first.
    pub async fn redrives(&self) -> Result<Vec<RedriveTask>, Error> {
        let (_, tasks) = self.tasks().await?;
        Ok(tasks.into_iter().map(|(_, task)| task).collect())
    }

    /// Stops the redrive that is running, and returns it; `None` if none is.
    pub async fn cancel_redrive(&self) -> Result<Option<RedriveTask>, Error> {
        self.change(|task, now| {
            task.status = RedriveStatus::Cancelled;
            task.ended_at = Some(now);
        })
        .await
    }

    /// Goes on with the redrive that is running, if there is one, until it is done, its rate allows no more, or the
    /// deadline has passed. `open` opens the queue that it moves to. Returns the task as it is then.
    pub async fn advance(
        &self,
        deadline: Instant,
        open: impl Fn(&str) -> Result<Queue, Error>,
    ) -> Result<Option<RedriveTask>, Error> {
        loop {
            let (now, tasks) = self.tasks().await?;
            let running = tasks.into_iter().next().map(|(_, task)| task);
            let Some(task) = running.filter(|task| task.status == RedriveStatus::Running) else {
                return Ok(None);
            };
            let allowed = task.allowed(now);
            if allowed == 0 || Instant::now() >= deadline {
                return Ok(Some(task));
            }
            let step = self.step(&task, allowed, &open).await?;
            self.change(|task, now| task.add(&step, now)).await?;
        }
    }

    /// Moves what is meant of the next page.
    async fn step(
        &self,
        task: &RedriveTask,
        allowed: usize,
        open: &impl Fn(&str) -> Result<Queue, Error>,
    ) -> Result<Step, Error> {
        let after = match task.left_last {
            Some((id, dead_at)) => After::Letter { id, dead_at },
            None => After::Offset(0),
        };
        let page = scripts::peek_dead(&self.queue, after, MAX_MESSAGES).await?;
        let mut step = Step {
            is_last: page.next.is_none(),
            ..Step::default()
        };
        let mut meant: Vec<DeadMessage> = Vec::new();
        for letter in page.items {
            if letter.dead_at > task.started_at {
                step.is_last = true;
                break;
            }
            if task.redrive.filter.matches_dead(&letter) {
                if meant.len() == allowed {
                    step.is_last = false;
                    break;
                }
                meant.push(letter);
            } else {
                step.left += 1;
                step.left_last = Some((letter.id, letter.dead_at));
            }
        }
        step.moved = match &task.redrive.to {
            Some(name) if name != self.queue.name() => self.move_to(&open(name)?, meant).await?,
            _ => {
                let ids: Vec<MessageId> = meant.iter().map(|letter| letter.id).collect();
                done(&self.send_back(&ids).await?)
            }
        };
        Ok(step)
    }

    /// Copies the letters to another queue, then deletes them here. After a crash between the two they are copied again
    /// under the same identity, which changes nothing there while they wait.
    async fn move_to(&self, other: &Queue, letters: Vec<DeadMessage>) -> Result<u64, Error> {
        let ids: Vec<MessageId> = letters.iter().map(|letter| letter.id).collect();
        let copies: Vec<Send> = letters.into_iter().map(Send::copy).collect();
        other.send_batch(&copies).await?;
        Ok(done(&self.delete(&ids).await?))
    }

    /// Changes the running task as it is by now, however often others change it meanwhile.
    async fn change(&self, change: impl Fn(&mut RedriveTask, u64)) -> Result<Option<RedriveTask>, Error> {
        let mut put: Option<(String, RedriveTask)> = None;
        loop {
            let (now, tasks) = self.tasks().await?;
            let Some((expected, mut task)) = tasks.into_iter().next() else {
                return Ok(None);
            };
            // The answer was lost, and the repeated call found the task changed: by ourselves.
            if let Some((_, task)) = put.filter(|(text, _)| *text == expected) {
                return Ok(Some(task));
            }
            if task.status != RedriveStatus::Running {
                return Ok(None);
            }
            change(&mut task, now);
            let changed = text(&task);
            if scripts::put_task(&self.queue, &expected, &changed, false).await? {
                return Ok(Some(task));
            }
            put = Some((changed, task));
        }
    }

    /// The time, and the tasks as they are stored and as they are read.
    async fn tasks(&self) -> Result<(u64, Vec<(String, RedriveTask)>), Error> {
        let (now, texts) = scripts::tasks(&self.queue).await?;
        let read = |text: String| {
            let task = serde_json::from_str(&text).map_err(|_| Error::Corrupt { what: "a redrive task" })?;
            Ok((text, task))
        };
        Ok((now, texts.into_iter().map(read).collect::<Result<_, Error>>()?))
    }
}

impl RedriveTask {
    /// How many more may be moved by now.
    fn allowed(&self, now: u64) -> usize {
        let Some(rate) = self.redrive.per_second else {
            return MAX_MESSAGES;
        };
        // The first second's worth at once.
        let so_far = (now.saturating_sub(self.started_at) + 1_000) * u64::from(rate) / 1_000;
        so_far.saturating_sub(self.moved).min(MAX_MESSAGES as u64) as usize
    }

    fn add(&mut self, step: &Step, now: u64) {
        self.left += step.left;
        self.moved += step.moved;
        self.left_last = step.left_last.or(self.left_last);
        if step.is_last {
            self.status = RedriveStatus::Completed;
            self.ended_at = Some(now);
        }
    }
}

fn text(task: &RedriveTask) -> String {
    serde_json::to_string(task).expect("a task is plain data")
}

fn done(settled: &[Settled]) -> u64 {
    settled.iter().filter(|settled| **settled == Settled::Done).count() as u64
}
