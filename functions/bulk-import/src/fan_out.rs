//! FanOut: cuts the result into byte ranges. Nothing is downloaded here and nothing staged.

use shared::carrier::carry;
use shared::message::{Body, Chunk};
use shared::queue::Send;
use shared::shopify::{self, ShopDomain};
use shared::store::sync_operations::{self, ResultFile};
use shared::store::{self, sync_chunks};

use super::{Answer, Error, Run, finish, progress, renew};

/// The largest chunk, so that one can be read well within an invocation.
const LARGEST_CHUNK: u64 = 32 << 20;
/// The smallest chunk: below it, the requests cost more than the reading.
const SMALLEST_CHUNK: u64 = 1 << 20;
/// A result is cut into at least so many chunks if they do not get too small, so that every worker has one.
const CHUNKS_WANTED: u64 = 8;

/// Records the chunks and sends their messages. Run again, it sends what is still open.
pub(crate) async fn run(run: &Run<'_>) -> Result<Answer, Error> {
    let (mut tx, operation) = run.lock().await?;
    if operation.job_status == "canceled" {
        return Ok(Answer::Finish);
    }
    let shop = run.shop(&mut tx).await?;
    match operation.phase.as_str() {
        "running" => {}
        // It was submitted again.
        "starting" => return Ok(Answer::Wait { seconds: 1, polls: 0 }),
        "draining" => {
            let open = sync_chunks::open(&mut tx, run.job_id, run.operation).await?;
            drop(tx);
            send(run, &shop, &open).await?;
            return Ok(progress::first_round(run));
        }
        _ => return Ok(Answer::Finish),
    }
    let Some(url) = &operation.url else {
        return Ok(Answer::Finish);
    };
    let probe = match run.context.files.probe(url).await {
        Ok(probe) => probe,
        Err(shopify::Error::ResultGone { .. }) => return renew::run(run, tx, &operation, Answer::FanOut).await,
        Err(error @ shopify::Error::ForeignHost) => {
            finish::fail(run, &mut tx, &format!("{error}: start the import again")).await?;
            store::commit(tx).await?;
            return Ok(Answer::Finish);
        }
        Err(error) => return Err(error.into()),
    };
    // A host that does not tell the size is believed to send what Shopify counted; the verdict compares.
    let told = operation.file_size.and_then(|size| u64::try_from(size).ok());
    let size = probe.size.or(told).unwrap_or(u64::MAX >> 1);
    let bounds = if probe.ranges { cut(size) } else { vec![(0, size)] };
    let bounds: Vec<(i64, i64)> = bounds
        .into_iter()
        .map(|(start, end)| (start as i64, end as i64))
        .collect();
    sync_chunks::create(&mut tx, run.job_id, run.operation, &bounds).await?;
    let result = ResultFile {
        size: probe.size.and_then(|size| i64::try_from(size).ok()),
        etag: probe.etag.as_deref(),
        ranges: probe.ranges,
    };
    sync_operations::fanned_out(&mut tx, run.job_id, run.operation, &result).await?;
    store::commit(tx).await?;
    let all: Vec<i32> = (0..bounds.len() as i32).collect();
    send(run, &shop, &all).await?;
    Ok(progress::first_round(run))
}

/// Sends the messages that carry these chunks.
pub(crate) async fn send(run: &Run<'_>, shop: &ShopDomain, chunks: &[i32]) -> Result<(), Error> {
    let sends: Vec<Send> = chunks
        .iter()
        .map(|chunk| {
            let body = Chunk {
                shop: shop.clone(),
                job_id: run.job_id,
                operation: run.operation.to_owned(),
                chunk: *chunk,
            };
            carry(&Body::Chunk(body))
        })
        .collect();
    run.context.queue(run.definition.queue)?.send_batch(&sends).await?;
    Ok(())
}

/// Cuts `size` bytes into ranges.
fn cut(size: u64) -> Vec<(u64, u64)> {
    let chunk = (size / CHUNKS_WANTED).clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
    let mut bounds = Vec::new();
    let mut start = 0;
    while start < size {
        let end = (start + chunk).min(size);
        bounds.push((start, end));
        start = end;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_cover_every_byte_once() {
        for size in [0, 1, SMALLEST_CHUNK, SMALLEST_CHUNK + 1, 66_000_000, 1 << 33] {
            let bounds = cut(size);
            assert_eq!(bounds.iter().map(|(start, end)| end - start).sum::<u64>(), size);
            assert!(bounds.windows(2).all(|pair| pair[0].1 == pair[1].0));
            assert!(
                bounds
                    .iter()
                    .all(|(start, end)| start < end && end - start <= LARGEST_CHUNK)
            );
        }
    }
}
