-- Reconciling: what a store lists is compared with its mirror, page by page.

-- The walk through one list of a store that is going on, or the last one.
create table walks (
    shop_id        bigint not null references shops (id) on delete cascade,
    -- products, variants, collections, customers, orders, inventory, locations
    list           text not null,
    -- changes: what changed since the watermark    all: every id
    reach          text not null check (reach in ('changes', 'all')),
    -- Which walk: messages of an earlier one do nothing.
    run            uuid not null,
    -- running    completed    failed: see error    overrun: more differs than is worth single fetches, so an import is due
    status         text not null check (status in ('running', 'completed', 'failed', 'overrun')),
    -- Of changes, Shopify's clock: what changed since then is listed.
    since          timestamptz,
    -- How far it is: of changes a cursor of the list since `window_since`, of all the last id.
    window_since   timestamptz,
    window_rows    integer not null default 0,
    cursor         text,
    after_id       bigint not null default 0,
    -- Shopify's clock: when the first page was read, at the earliest.
    bound          timestamptz,
    pages          integer not null default 0,
    listed         bigint not null default 0,
    missing        bigint not null default 0,
    stale          bigint not null default 0,
    gone           bigint not null default 0,
    -- Of all: rows seen within the second of their last change, whose fetch is wanted to be sure. No differences.
    unsettled      bigint not null default 0,
    -- Of all: live rows of the mirror, and sums over (id, updated_at) of both sides.
    mirrored       bigint not null default 0,
    listed_sum     numeric not null default 0,
    mirrored_sum   numeric not null default 0,
    error          text,
    -- Shopify's clock: whatever changed before is in the mirror, or its fetch is wanted. Moves when a walk completes.
    watermark      timestamptz,
    -- Ours.
    started_at     timestamptz not null default now(),
    progressed_at  timestamptz not null default now(),
    sent_at        timestamptz not null default now(),
    finished_at    timestamptz,
    primary key (shop_id, list, reach)
);

-- What a comparison of all ids of a list found, as numbers. Zero differences: the mirror is equal.
create table drift (
    shop_id       bigint not null references shops (id) on delete cascade,
    list          text not null,
    -- Shopify's clock: when the list began to be read.
    compared_at   timestamptz not null,
    -- Ours.
    recorded_at   timestamptz not null default now(),
    listed        bigint not null,
    mirrored      bigint not null,
    -- Listed and not mirrored, listed with a later updated_at than mirrored, mirrored and not listed.
    missing       bigint not null,
    stale         bigint not null,
    gone          bigint not null,
    listed_sum    numeric not null,
    mirrored_sum  numeric not null,
    primary key (shop_id, list, compared_at)
);
