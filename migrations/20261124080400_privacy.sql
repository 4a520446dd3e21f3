-- Privacy: what was erased and must not come back, where else it is to be looked for, and what customers asked for.

-- Set = everything of the store was erased, and nothing of it is taken until it installs the app again. Shopify's clock.
alter table shops add column redacted_at timestamptz;

-- What was erased. Rows that would bring it back are emptied before they are written.
create table redactions (
    shop_id       bigint not null,
    -- Customer: a tombstone for ever.    Order: its numbers stay, what tells of a person does not.
    -- CustomerEmail: customers and orders with this address that are older than the erasure, also those not yet seen.
    kind          text not null check (kind in ('Customer', 'Order', 'CustomerEmail')),
    id            bigint,
    -- SHA-256 of our number of the store, a colon and the address in lower case.
    email_sha256  bytea,
    -- Shopify's clock: when the erasure was asked for.
    redacted_at   timestamptz not null,
    check ((id is null) = (kind = 'CustomerEmail') and (email_sha256 is null) = (kind <> 'CustomerEmail'))
);

-- Serves: whether an incoming row was erased.
create unique index redactions_id on redactions (shop_id, kind, id);
create unique index redactions_email on redactions (shop_id, email_sha256);

-- Holds back erasures in these stores until the transaction ends, and tells how they stand. An erasure waits for the
-- writers that came before it, and those that come after it see what it recorded: the second statement of a volatile
-- function has a snapshot of its own, taken after the lock.
create function hold_redactions(wanted bigint[]) returns table (shop_id bigint, erased boolean, redacted boolean)
language plpgsql volatile
as $$
begin
    perform pg_advisory_xact_lock_shared(1919247457, s.id::integer)
    from (select distinct id from unnest(wanted) as t (id) order by id) s;
    return query
        select s.id, s.redacted_at is not null, exists (select from redactions r where r.shop_id = s.id)
        from shops s where s.id = any (wanted);
end
$$;

-- The other side: waits for all writers of a store and keeps new ones away until the transaction ends.
create function lock_redactions(shop bigint) returns boolean
language plpgsql volatile
as $$
begin
    perform pg_advisory_xact_lock(1919247457, shop::integer);
    return true;
end
$$;

-- Where an erasure must still look: logs, rejected lines and dead letters, which are many or not in Postgres. Written in
-- the transaction that erases, repeated for a week for messages that die later, then deleted.
create table redaction_sweeps (
    id             bigint generated always as identity primary key,
    shop_id        bigint not null,
    shop_domain    text not null,
    -- The whole store, or what mentions one of the following.
    whole_shop     boolean not null,
    customer_ids   bigint[] not null,
    order_ids      bigint[] not null,
    -- As in redactions; of telephone numbers, the digits.
    email_sha256   bytea[] not null,
    phone_sha256   bytea[] not null,
    -- Shopify's clock.
    redacted_at    timestamptz not null,
    -- Our clock.
    wanted_at      timestamptz not null default now(),
    -- How far a sweep of the log has come that is not finished.
    logs_until     timestamptz,
    runs           integer not null default 0,
    swept_at       timestamptz
);

-- What customers wanted to know. The merchant downloads the export.
create table data_requests (
    shop_id       bigint not null,
    -- Shopify's number of the request.
    id            bigint not null,
    customer_id   bigint,
    email_sha256  bytea,
    requested_at  timestamptz not null,
    -- Shopify gives thirty days.
    due_at        timestamptz not null,
    -- Null once the customer was erased.
    export        jsonb,
    -- Our clock: when it was downloaded first. From then on it stays as it is.
    completed_at  timestamptz,
    -- Our clock: when the customer was erased.
    erased_at     timestamptz,
    primary key (shop_id, id)
);

-- Serves: what must be answered next.
create index data_requests_due on data_requests (due_at);
