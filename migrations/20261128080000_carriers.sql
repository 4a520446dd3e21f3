-- Executions carry imports. One that got lost is started again, and one that waits for long is not waited for.

alter table sync_operations
    -- Ours: when an execution last took a step.
    add column stepped_at  timestamptz not null default now(),
    -- The submission whose end a webhook told, so that another execution goes on at once.
    add column end_told    integer;
