-- What a comparison of all ids of a list found inside its resources, by table. Counted while the list is read: it stands
-- once `drift` has the row of the same comparison.
create table drift_parts (
    shop_id       bigint not null references shops (id) on delete cascade,
    list          text not null,
    compared_at   timestamptz not null,
    table_name    text not null,
    -- Ours.
    recorded_at   timestamptz not null default now(),
    listed        bigint not null,
    mirrored      bigint not null,
    missing       bigint not null,
    stale         bigint not null,
    gone          bigint not null,
    -- Null where the list tells only how many there are.
    listed_sum    numeric,
    mirrored_sum  numeric,
    primary key (shop_id, list, compared_at, table_name)
);
