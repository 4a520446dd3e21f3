//! Applies one byte range of a bulk file: streamed, parsed and written in batches, memory flat.
//!
//! A chunk owns every line whose first byte lies in its range. Each transaction holds the rows of some lines, that they
//! were seen, and the counters that count them, guarded by the offset it started from: whatever is delivered twice, crashes
//! or runs on two workers at once, a line is counted and its rows are seen exactly once.

use std::borrow::Cow;
use std::collections::HashSet;

use chrono::DateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::line::Line;
use super::privacy::screen;
use super::rows::{Mention, Rows};
use super::{Error, wants, write};
use crate::import;
use crate::message::{self, Resource};
use crate::shopify::{self, LineSplitter, Probe, RangeReader, ResultFiles};
use crate::store::pending_fetches::{self, Want};
use crate::store::redactions::{self, Held};
use crate::store::rejected_lines::{self, RejectedLine};
use crate::store::sync_chunks::{self, Step};
use crate::store::{self, Source, Store, Transaction, sync_operations, sync_seen};

/// Lines in one transaction: some 3 MB of text. Every table costs statements to be planned, so few large ones are best.
const LINES_PER_BATCH: usize = 5_000;
/// Bytes in one batch, so that long lines do not fill the memory.
const BYTES_PER_BATCH: u64 = 4 << 20;

/// Lines parsed before an answer of Postgres is looked for: less than a millisecond, or Postgres would wait while the next
/// batch is read.
const LINES_AT_ONCE: usize = 100;

/// How far the work came.
#[derive(Debug)]
pub enum Outcome {
    /// Every line of the chunk is counted.
    Done,
    /// The time is up; the chunk goes on where it stopped.
    Paused,
    /// The import has ended meanwhile, or the file was replaced: nothing to do.
    Ended,
}

/// What became of a chunk, and what must be fetched (already recorded).
#[derive(Debug)]
pub struct Applied {
    /// How far the work came.
    pub outcome: Outcome,
    /// What must be fetched.
    pub fetches: Vec<Resource>,
}

/// Works on the chunk until it is done or `deadline` has come.
pub async fn apply(
    store: &Store,
    files: &ResultFiles,
    message: &message::Chunk,
    deadline: Instant,
) -> Result<Applied, Error> {
    let mut tx = store.begin().await?;
    let chunk = sync_chunks::receive(&mut tx, message.job_id, &message.operation, message.chunk).await?;
    // Of a file that was cut into more chunks than the one that took its place.
    let is_void = chunk.is_none() && sync_operations::is_known(&mut tx, message.job_id, &message.operation).await?;
    store::commit(tx).await?;
    if is_void {
        return Ok(Applied {
            outcome: Outcome::Ended,
            fetches: Vec::new(),
        });
    }
    let chunk = chunk.ok_or(Error::UnknownChunk)?;
    if chunk.done || chunk.phase != "draining" || chunk.job_status != "running" {
        let outcome = if chunk.done { Outcome::Done } else { Outcome::Ended };
        return Ok(Applied {
            outcome,
            fetches: Vec::new(),
        });
    }
    let (Some(url), Some(_)) = (&chunk.url, chunk.bulk_created_at) else {
        return Err(Error::UnknownChunk);
    };
    let size = chunk.result_size.and_then(|size| u64::try_from(size).ok());
    let probe = Probe {
        size,
        etag: chunk.etag.clone(),
        ranges: chunk.ranges,
    };
    let mut worker = Worker {
        store,
        job_id: message.job_id,
        operation: &message.operation,
        chunk: message.chunk,
        shop_id: chunk.shop_id,
        submitted: chunk.submitted,
        next_offset: chunk.next_offset,
        wants: Vec::new(),
    };
    let mut lines = Lines::open(files, url, probe, &chunk);
    let mut batch = lines.next_batch().await?;
    loop {
        if batch.is_last {
            worker.apply(&batch.lines, true).await?;
            return Ok(Applied {
                outcome: Outcome::Done,
                fetches: worker.fetches(message),
            });
        }
        // While Postgres writes this batch, the next one is read.
        let (written, following) = tokio::join!(worker.apply(&batch.lines, false), lines.next_batch());
        written?;
        if Instant::now() >= deadline {
            return Ok(Applied {
                outcome: Outcome::Paused,
                fetches: worker.fetches(message),
            });
        }
        batch = following?;
    }
}

/// The lines that a chunk owns, from where it stands.
struct Lines {
    reader: RangeReader,
    splitter: LineSplitter,
    rows: Rows,
    range_end: u64,
    /// The rest of a line that the chunk before owns must be dropped first.
    drops_first: bool,
    /// Why no more could be read, kept until the lines before are written.
    broken: Option<Error>,
}

struct Batch {
    lines: Vec<Line>,
    is_last: bool,
}

impl Lines {
    fn open(files: &ResultFiles, url: &str, probe: Probe, chunk: &sync_chunks::Chunk) -> Self {
        let range_end = chunk.range_end as u64;
        let drops_first = chunk.next_offset == chunk.range_start && chunk.range_start > 0;
        // One byte early: if it is a newline, the chunk's first byte starts a line.
        let from = chunk.next_offset as u64 - u64::from(drops_first);
        Self {
            reader: files.read(url, probe, from, range_end),
            splitter: LineSplitter::new(from),
            rows: Rows::new(chunk.shop_id, chunk.bulk_created_at.unwrap_or_default()),
            range_end,
            drops_first,
            broken: None,
        }
    }

    /// The next lines. If the download breaks off, first those that came, so that every try gets on.
    async fn next_batch(&mut self) -> Result<Batch, Error> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let mut lines = Vec::new();
        let mut bytes = 0;
        loop {
            while let Some(line) = self.splitter.next_line() {
                if self.drops_first {
                    self.drops_first = false;
                    continue;
                }
                if line.offset >= self.range_end {
                    return Ok(Batch { lines, is_last: true });
                }
                bytes += line.end - line.offset;
                lines.push(Line::parse(&mut self.rows, line.offset, line.end, line.bytes));
                if lines.len().is_multiple_of(LINES_AT_ONCE) {
                    tokio::task::yield_now().await;
                }
                if lines.len() >= LINES_PER_BATCH || bytes >= BYTES_PER_BATCH {
                    return Ok(Batch {
                        lines,
                        is_last: self.splitter.offset() >= self.range_end,
                    });
                }
            }
            if !self.drops_first && self.splitter.offset() >= self.range_end {
                return Ok(Batch { lines, is_last: true });
            }
            let more = match self.reader.next().await {
                Err(error) if !lines.is_empty() => {
                    self.broken = Some(error.into());
                    return Ok(Batch { lines, is_last: false });
                }
                more => more?,
            };
            match more {
                Some(more) => self
                    .splitter
                    .push(&more)
                    .map_err(|error| shopify::Error::ResultBroken {
                        what: error.to_string(),
                    })?,
                None => {
                    if let Some(line) = self.splitter.rest()
                        && !self.drops_first
                    {
                        lines.push(Line::parse(&mut self.rows, line.offset, line.end, line.bytes));
                    }
                    return Ok(Batch { lines, is_last: true });
                }
            }
        }
    }
}

/// Writes lines and moves the chunk on.
struct Worker<'a> {
    store: &'a Store,
    job_id: Uuid,
    operation: &'a str,
    chunk: i32,
    shop_id: i64,
    /// Which submission wrote the file.
    submitted: i32,
    next_offset: i64,
    wants: Vec<Want>,
}

impl Worker<'_> {
    /// Writes the lines. If Postgres refuses a value, the bad line is found by halving and kept with its error, and the
    /// rest goes on.
    async fn apply(&mut self, lines: &[Line], is_last: bool) -> Result<(), Error> {
        // Parts still to be written, the next one last.
        let mut parts = vec![(lines, is_last)];
        while let Some((part, is_last)) = parts.pop() {
            match self.write(part, is_last).await {
                Err(Error::Store(store::Error::Refused { .. })) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push((second, is_last));
                    parts.push((first, false));
                }
                Err(Error::Store(error @ store::Error::Refused { .. })) if part.len() == 1 => {
                    let refused = part[0].rejected(error.to_string());
                    self.write(&[refused], is_last).await?;
                }
                result => result?,
            }
        }
        Ok(())
    }

    /// One transaction: the rows, that they were seen, and the counters that count them.
    async fn write(&mut self, lines: &[Line], is_last: bool) -> Result<(), Error> {
        let mut step = Step {
            next_offset: self.next_offset,
            done: is_last,
            ..Step::default()
        };
        let mut mentions: Vec<Mention> = Vec::new();
        for line in lines {
            step.lines += 1;
            step.root_lines += i64::from(line.is_root);
            step.bytes += (line.end - line.offset) as i64;
            step.next_offset = line.end as i64;
            mentions.extend(line.mentions.iter().cloned());
        }

        let mut tx = self.store.begin().await?;
        let held = redactions::hold(&mut tx, &[self.shop_id]).await?;
        if held.is_erased(self.shop_id) {
            return Err(Error::ChunkMoved);
        }
        let rows = lines.iter().flat_map(|line| &line.rows);
        // A file tells no set and no deletion.
        let mut nothing_else = Rows::new(self.shop_id, DateTime::UNIX_EPOCH);
        let write::Outcome { written, .. } =
            write::write(&mut tx, &held, rows, &HashSet::new(), &mut nothing_else, Source::Bulk).await?;
        let mut wants = wants::of_mentions(&mut tx, &mentions).await?;
        wants.extend(wants::of_ties(&written.ties));
        let wants = pending_fetches::want(&mut tx, &wants).await?;
        step.rejected = self.keep_rejected(&mut tx, &held, lines).await?;
        step.stale = written.stale as i64;
        step.applied = written.applied as i64;
        let stands = (self.submitted, self.next_offset);
        let moved = sync_chunks::advance(&mut tx, self.job_id, self.operation, self.chunk, stands, step).await?;
        if !moved {
            return Err(Error::ChunkMoved);
        }
        // After the counters, whose lock makes two workers take turns.
        let place = (self.job_id, self.operation, self.chunk);
        let seen = lines.iter().flat_map(|line| &line.rows);
        sync_seen::keep(&mut tx, place, self.next_offset, |table| self.lists(table), seen).await?;
        store::commit(tx).await?;
        self.next_offset = step.next_offset;
        self.wants.extend(wants);
        Ok(())
    }

    /// Whether the file lists this table in full.
    fn lists(&self, table: &str) -> bool {
        // A part of an operation lists no table in full.
        import::find(self.operation).is_some_and(|operation| {
            operation.name == self.operation && operation.lists.iter().any(|listed| listed.table == table)
        })
    }

    /// Keeps the lines that could not be applied; of those that tell of somebody erased, only that they were. Returns
    /// how many there are.
    async fn keep_rejected(&self, tx: &mut Transaction, held: &Held, lines: &[Line]) -> Result<i64, Error> {
        let rejected: Vec<&RejectedLine> = lines.iter().filter_map(|line| line.rejected.as_ref()).collect();
        let texts: Vec<Cow<'_, str>> = rejected
            .iter()
            .map(|line| String::from_utf8_lossy(&line.line))
            .collect();
        let asked: Vec<_> = texts.iter().map(|text| (self.shop_id, None, text.as_ref())).collect();
        let erased = screen::texts(tx, held, &asked).await?;
        let emptied: Vec<RejectedLine> = erased.keys().map(|place| rejected[*place].without_line()).collect();
        let whole = rejected
            .iter()
            .enumerate()
            .filter(|(place, _)| !erased.contains_key(place));
        let kept: Vec<&RejectedLine> = whole.map(|(_, line)| *line).chain(&emptied).collect();
        rejected_lines::keep(tx, self.job_id, self.operation, &kept).await?;
        Ok(kept.len() as i64)
    }

    fn fetches(&self, message: &message::Chunk) -> Vec<Resource> {
        let wants = self.wants.iter();
        wants
            .filter_map(|want| Resource::parse(message.shop.as_str(), &want.gid))
            .collect()
    }
}
