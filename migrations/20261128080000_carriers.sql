-- Executions carry imports. One that got lost is started again, one that waits for long is not waited for, and what is too
-- much for one operation of Shopify becomes several.

alter table sync_operations
    -- Ours: when an execution last took a step.
    add column stepped_at  timestamptz not null default now(),
    -- The submission whose end a webhook told, so that another execution goes on at once.
    add column end_told    integer,
    -- Of an operation that is a part of a larger one: the ids it lists, both included; null where there is no bound.
    add column from_id     bigint,
    add column to_id       bigint;
