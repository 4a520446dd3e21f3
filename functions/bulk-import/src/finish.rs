//! Finish: the verdict. An import is complete only if every line that Shopify counted was parsed and every byte read; then
//! what the file lacks is swept ([`super::sweep`]), before the operation ends.

use shared::store::sync_chunks::{self, Sums};
use shared::store::sync_operations::{self, Operation};
use shared::store::{self, Transaction, member_sets, sync_jobs};

use super::{Answer, Error, Failure, Run, ownerless, sweep};

const COMPLETED: &str = "completed";

/// Ends the operation, and the import with its last operation.
pub(crate) async fn run(run: &Run<'_>, failure: Option<&Failure>) -> Result<Answer, Error> {
    let (mut tx, operation) = run.lock().await?;
    if operation.phase == "finished" {
        return end(run, tx).await;
    }
    if operation.job_status == "canceled" {
        sync_operations::finish(&mut tx, run.job_id, run.operation, "canceled", None).await?;
        return end(run, tx).await;
    }
    let sums = sync_chunks::sums(&mut tx, run.job_id, run.operation).await?;
    let verdict = judge(&operation, &sums);
    // Whatever the state machine gave up on, a file that was cut into chunks and read is complete.
    let is_read = operation.phase == "draining" && sums.chunks > 0;
    match (verdict, failure.map(sentence)) {
        (Ok(COMPLETED), gave_up) if gave_up.is_none() || is_read => {
            return match sweep::run(run, tx, &operation, gave_up.as_deref()).await? {
                sweep::Outcome::Paused => Ok(Answer::Finish),
                sweep::Outcome::Done => complete(run).await,
            };
        }
        (_, Some(gave_up)) => fail(run, &mut tx, &gave_up).await?,
        (Ok(status), None) => {
            settle(&mut tx, &operation).await?;
            sync_operations::finish(&mut tx, run.job_id, run.operation, status, None).await?;
        }
        (Err(difference), None) => fail(run, &mut tx, &difference).await?,
    }
    end(run, tx).await
}

/// Ends an operation whose file is complete and swept.
async fn complete(run: &Run<'_>) -> Result<Answer, Error> {
    let (mut tx, operation) = run.lock().await?;
    if operation.phase != "finished" {
        settle(&mut tx, &operation).await?;
        let status = if operation.job_status == "canceled" {
            "canceled"
        } else {
            COMPLETED
        };
        sync_operations::finish(&mut tx, run.job_id, run.operation, status, None).await?;
    }
    end(run, tx).await
}

/// A chunk and a delivery that ran at the same moment may each have missed what the other wrote.
async fn settle(tx: &mut Transaction, operation: &Operation) -> Result<(), Error> {
    if let Some(created_at) = operation.bulk_created_at {
        member_sets::settle(tx, operation.shop_id, created_at).await?;
    }
    Ok(())
}

async fn end(run: &Run<'_>, mut tx: Transaction) -> Result<Answer, Error> {
    sync_jobs::finish(&mut tx, run.job_id).await?;
    let fetches = ownerless::want(run, &mut tx).await?;
    let status = sync_operations::end(&mut tx, run.job_id, run.operation).await?;
    store::commit(tx).await?;
    ownerless::fetch(run, fetches).await?;
    Ok(Answer::End { status })
}

/// Ends the operation with a sentence that tells the user what to do.
pub(crate) async fn fail(run: &Run<'_>, tx: &mut Transaction, sentence: &str) -> Result<(), Error> {
    Ok(sync_operations::finish(tx, run.job_id, run.operation, "failed", Some(sentence)).await?)
}

/// What the state machine gave up on, as one sentence.
fn sentence(failure: &Failure) -> String {
    let said = failure
        .cause
        .as_deref()
        .and_then(|cause| serde_json::from_str::<serde_json::Value>(cause).ok())
        .and_then(|cause| cause.get("errorMessage")?.as_str().map(str::to_owned))
        .unwrap_or_else(|| failure.error.clone());
    format!("the import gave up: {said}")
}

/// Completed, partial, or the difference between what Shopify counted and what was read.
fn judge(operation: &Operation, sums: &Sums) -> Result<&'static str, String> {
    if sums.done < sums.chunks {
        return Err(format!(
            "{} of {} parts of the result are not read",
            sums.chunks - sums.done,
            sums.chunks
        ));
    }
    if operation.partial {
        return Ok("partial");
    }
    let counted = |told: Option<i64>, read: i64, what: &str| match told {
        Some(told) if told != read => Some(format!("Shopify counted {told} {what} and {read} were read")),
        _ => None,
    };
    let rejected =
        (sums.rejected > 0).then(|| format!("{} lines could not be applied (see sync_rejected_lines)", sums.rejected));
    let differences: Vec<String> = [
        counted(operation.object_count, sums.lines, "lines"),
        counted(operation.root_object_count, sums.root_lines, "root lines"),
        counted(
            operation.file_size.or((sums.chunks == 0).then_some(0)),
            sums.bytes,
            "bytes",
        ),
        rejected,
    ]
    .into_iter()
    .flatten()
    .collect();
    if operation.object_count.is_none() {
        return Err("Shopify never told how many lines the result has".to_owned());
    }
    if differences.is_empty() {
        return Ok(COMPLETED);
    }
    Err(format!(
        "{}; the rows that were read stay, start the import again",
        differences.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn operation() -> Operation {
        Operation {
            shop_id: 1,
            job_status: "running".to_owned(),
            phase: "draining".to_owned(),
            bulk_operation_gid: None,
            bulk_created_at: None,
            object_count: Some(10),
            root_object_count: Some(4),
            file_size: Some(1_000),
            url: None,
            etag: None,
            ranges: true,
            partial: false,
            submitted: 1,
            scopes: None,
            sweep: None,
            started_at: DateTime::UNIX_EPOCH,
            end_told: None,
            from_id: None,
            to_id: None,
        }
    }

    fn sums() -> Sums {
        Sums {
            chunks: 2,
            done: 2,
            lines: 10,
            root_lines: 4,
            bytes: 1_000,
            rejected: 0,
            first_error: None,
        }
    }

    #[test]
    fn only_an_exact_account_is_complete() {
        assert_eq!(judge(&operation(), &sums()), Ok("completed"));
        for (short, said) in [
            (Sums { lines: 9, ..sums() }, "Shopify counted 10 lines and 9 were read"),
            (
                Sums {
                    root_lines: 5,
                    ..sums()
                },
                "Shopify counted 4 root lines and 5 were read",
            ),
            (
                Sums { bytes: 999, ..sums() },
                "Shopify counted 1000 bytes and 999 were read",
            ),
            (Sums { rejected: 1, ..sums() }, "1 lines could not be applied"),
            (Sums { done: 1, ..sums() }, "1 of 2 parts of the result are not read"),
        ] {
            let difference = judge(&operation(), &short).unwrap_err();
            assert!(difference.contains(said), "{difference}");
        }
    }

    #[test]
    fn a_partial_file_is_never_complete() {
        let partial = Operation {
            partial: true,
            ..operation()
        };
        assert_eq!(judge(&partial, &Sums { lines: 3, ..sums() }), Ok("partial"));
    }

    #[test]
    fn an_empty_store_is_complete_and_an_unknown_count_is_not() {
        let empty = Operation {
            object_count: Some(0),
            root_object_count: Some(0),
            file_size: None,
            ..operation()
        };
        assert_eq!(judge(&empty, &Sums::default()), Ok("completed"));
        let unknown = Operation {
            object_count: None,
            ..operation()
        };
        assert!(judge(&unknown, &sums()).is_err());
    }
}
