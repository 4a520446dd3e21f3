-- Imports. Postgres is the truth about an import; queue messages only carry it.

create table sync_jobs (
    id            uuid primary key,
    shop_id       bigint not null references shops (id),
    kinds         text[] not null,
    -- The bulk operations that these kinds are.
    operations    text[] not null,
    -- queued: its message is on the way    running    completed: every line counted was parsed, every byte read
    -- partial: only what a failed operation had written    failed: see error    canceled
    status        text not null default 'queued' check (status in
                      ('queued', 'running', 'completed', 'partial', 'failed', 'canceled')),
    error         text,
    requested_at  timestamptz not null default now(),
    started_at    timestamptz,
    finished_at   timestamptz
);

-- Serves: what of a store is being imported already.
create index sync_jobs_under_way on sync_jobs (shop_id) where status in ('queued', 'running');
create index sync_jobs_shop on sync_jobs (shop_id, requested_at desc);

-- One bulk operation of a job.
create table sync_operations (
    job_id               uuid not null references sync_jobs (id) on delete cascade,
    operation            text not null,
    -- starting: not yet known to Shopify    running: at Shopify    draining: cut into chunks    finished
    phase                text not null default 'starting' check (phase in ('starting', 'running', 'draining', 'finished')),
    bulk_operation_gid   text,
    -- Shopify's createdAt: the version bound of every row in the file.
    bulk_created_at      timestamptz,
    bulk_status          text,
    object_count         bigint,
    root_object_count    bigint,
    file_size            bigint,
    -- Signed: never shown, never logged.
    url                  text,
    etag                 text,
    -- What the host says, which for a partial result need not be file_size.
    result_size          bigint,
    -- Whether the host gives parts of the file.
    ranges               boolean not null default true,
    -- True for a partialDataUrl: apply it, conclude nothing from what is missing.
    partial              boolean not null default false,
    submitted            integer not null default 0,
    -- Executions used up before the present one: one keeps only so many events.
    continuations        integer not null default 0,
    status               text check (status in ('completed', 'partial', 'failed', 'canceled')),
    error                text,
    started_at           timestamptz not null default now(),
    fanned_out_at        timestamptz,
    finished_at          timestamptz,
    primary key (job_id, operation)
);

-- One byte range of an operation's result. A chunk owns every line whose first byte lies in [range_start, range_end).
-- The counters are absolute and move only together with the rows they count, guarded by next_offset.
create table sync_chunks (
    job_id        uuid not null,
    operation     text not null,
    chunk         integer not null,
    range_start   bigint not null,
    range_end     bigint not null,
    next_offset   bigint not null,
    lines         bigint not null default 0,
    root_lines    bigint not null default 0,
    bytes         bigint not null default 0,
    applied       bigint not null default 0,
    stale         bigint not null default 0,
    rejected      bigint not null default 0,
    done          boolean not null default false,
    error         text,
    sends         integer not null default 1,
    -- Our clock: when a drain first received it, and when its counters last moved.
    first_received_at timestamptz,
    progressed_at timestamptz not null default now(),
    primary key (job_id, operation, chunk),
    foreign key (job_id, operation) references sync_operations (job_id, operation) on delete cascade
);

-- Lines that could not be applied, kept with their error.
create table sync_rejected_lines (
    job_id      uuid not null,
    operation   text not null,
    byte_offset bigint not null,
    error       text not null,
    line        bytea not null,
    primary key (job_id, operation, byte_offset),
    foreign key (job_id, operation) references sync_operations (job_id, operation) on delete cascade
);

-- Resources that must be fetched by id, because what arrived could not settle their state. Written in the
-- transaction that found out; the `resource` message only carries it and is sent again if it gets lost.
create table pending_fetches (
    shop_id     bigint not null references shops (id) on delete cascade,
    gid         text not null,
    -- Shopify's clock: only a fetch observed later than this settles it.
    wanted_at   timestamptz not null,
    reason      text not null,
    created_at  timestamptz not null default now(),
    sent_at     timestamptz not null default now(),
    primary key (shop_id, gid)
);

-- Serves: carriers that got lost, oldest first.
create index pending_fetches_sent on pending_fetches (sent_at);

-- Every change made through the admin API, and every erasure. Holds ids and counts, never personal data.
create table admin_audit (
    id          bigint generated always as identity primary key,
    at          timestamptz not null default now(),
    procedure   text not null,
    shop_domain text,
    detail      jsonb not null default '{}'
);
