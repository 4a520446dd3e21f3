-- The sweep: what a complete file did not name, and nobody has seen since, is gone from the store.

alter table sync_operations
    -- What the store let us read when the operation was submitted; null where nobody can say.
    add column scopes              text[],
    -- running: decided, tombstones are being written    held: too much for nobody to look, see sweep_note
    -- done    skipped: the file cannot tell what is gone, see sweep_note
    -- superseded: a later import of the kind began before anybody confirmed
    add column sweep               text check (sweep in ('running', 'held', 'done', 'skipped', 'superseded')),
    add column sweep_note          text,
    -- Our clock: when somebody confirmed a sweep that was held.
    add column sweep_confirmed_at  timestamptz;

-- Lines whose ids are in sync_seen. Where it is not `lines`, nobody can conclude anything from what is missing there.
alter table sync_chunks add column seen_lines bigint not null default 0;

-- The rows that a file named: one list for each table and transaction of a chunk, whether the rows were newer or not.
-- Written with the counters that count the lines, deleted with the verdict.
create table sync_seen (
    job_id       uuid not null,
    operation    text not null,
    chunk        integer not null,
    -- Where the lines begin that were written together.
    from_offset  bigint not null,
    table_name   text not null,
    ids          bigint[] compression lz4 not null,
    -- The second numbers where two tell rows apart, in the order of ids; else null.
    with_ids     bigint[] compression lz4,
    primary key (job_id, operation, chunk, from_offset, table_name),
    foreign key (job_id, operation, chunk) references sync_chunks (job_id, operation, chunk) on delete cascade
);

-- What the sweep of an operation found in each table.
create table sync_sweeps (
    id          bigint generated always as identity primary key,
    job_id      uuid not null,
    operation   text not null,
    -- Owners come before their members.
    place       smallint not null,
    table_name  text not null,
    -- Only the metafields of this kind of owner are in the file.
    owner_type  text,
    -- Rows that were no tombstones at the verdict, and those of them that the file lacks and are older than it.
    live        bigint not null,
    missing     bigint not null,
    -- Missing rows that are tombstones now, and those that somebody saw again before they could become some.
    swept       bigint not null default 0,
    spared      bigint not null default 0,
    unique (job_id, operation, place),
    foreign key (job_id, operation) references sync_operations (job_id, operation) on delete cascade
);

-- The missing rows that are still to be swept.
create table sync_missing (
    sweep_id  bigint not null references sync_sweeps (id) on delete cascade,
    id        bigint not null,
    -- The second number where two tell rows apart; else zero.
    with_id   bigint not null,
    primary key (sweep_id, id, with_id)
);
