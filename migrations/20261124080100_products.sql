-- Products and their variants.
--
-- The version columns of every mirrored table:
--   source_updated_at  Shopify's clock: the updated_at of the resource; '-infinity' in a tombstone for a row never seen
--   observed_at        Shopify's clock: the state was read no earlier than this; breaks ties of one second
--   deleted_at         set = tombstone: the resource was gone at this moment; an upsert observed no later is dropped
--   synced_at          our clock, for people only
--   source             how the row came: webhook, fetch or bulk
--   raw                the body as it came (REST form from webhooks, GraphQL form otherwise)
-- There are no foreign keys between mirrored tables, because arrivals are unordered.

-- What becomes of an incoming row: the one rule by which newer wins, shared by every mirrored table.
--   apply  newer than what is stored, or nothing is stored (stored_updated_at is null)
--   stale  older, or observed no later than the tombstone
--   equal  a bulk row that says what is stored already
--   compare  of the same second, and it depends on the columns: same_columns is null
--   tie    a bulk row and a webhook of the same second that differ: the bulk row was read some time after its
--          observed_at, so nobody can say which is newer; leave the row and fetch it
create function judge(
    stored_updated_at timestamptz, stored_observed_at timestamptz, stored_deleted_at timestamptz, stored_source text,
    new_updated_at timestamptz, new_observed_at timestamptz, new_source text, same_columns boolean
) returns text
language sql immutable parallel safe
as $$
    select case
        when stored_updated_at is null then 'apply'
        when stored_deleted_at >= new_observed_at then 'stale'
        when new_updated_at > stored_updated_at then 'apply'
        when new_updated_at < stored_updated_at then 'stale'
        -- Looked at once only, or Postgres would not inline the function.
        else case same_columns
            when true then case
                when new_source = 'bulk' and stored_deleted_at is null then 'equal'
                when new_observed_at > stored_observed_at then 'apply'
                else 'stale'
            end
            when false then case
                when new_source = 'bulk' and stored_source = 'webhook' and new_observed_at <= stored_observed_at
                    then 'tie'
                when new_source = 'webhook' and stored_source = 'bulk' and new_observed_at >= stored_observed_at
                    then 'tie'
                when new_observed_at > stored_observed_at then 'apply'
                else 'stale'
            end
            else 'compare'
        end
    end
$$;

create table products (
    shop_id                               bigint not null,
    id                                    bigint not null,
    title                                 text,
    handle                                text,
    status                                text,
    vendor                                text,
    product_type                          text,
    tags                                  text[],
    body_html                             text,
    template_suffix                       text,
    has_variants_that_require_components  boolean,
    created_at                            timestamptz,
    published_at                          timestamptz,
    source_updated_at                     timestamptz not null,
    observed_at                           timestamptz not null,
    deleted_at                            timestamptz,
    synced_at                             timestamptz not null default now(),
    source                                text not null check (source in ('webhook', 'fetch', 'bulk')),
    raw                                   jsonb,
    primary key (shop_id, id)
);

alter table products alter column raw set compression lz4;
alter table products alter column body_html set compression lz4;

create table product_variants (
    shop_id             bigint not null,
    id                  bigint not null,
    product_id          bigint,
    title               text,
    sku                 text,
    barcode             text,
    position            integer,
    -- In the store's currency: shops.currency_code.
    price               numeric,
    compare_at_price    numeric,
    taxable             boolean,
    inventory_policy    text,
    inventory_quantity  integer,
    inventory_item_id   bigint,
    options             text[],
    created_at          timestamptz,
    source_updated_at   timestamptz not null,
    observed_at         timestamptz not null,
    deleted_at          timestamptz,
    synced_at           timestamptz not null default now(),
    source              text not null check (source in ('webhook', 'fetch', 'bulk')),
    raw                 jsonb,
    primary key (shop_id, id)
);

alter table product_variants alter column raw set compression lz4;

-- Serves: the variants of a product; the removal of variants that left a product's set.
create index product_variants_product on product_variants (shop_id, product_id);

-- Which variants a product had when last told in full: by a webhook's variant_gids, by a complete fetch,
-- or empty because the product was deleted. A variant outside the set and observed no later is gone.
create table product_variant_sets (
    shop_id      bigint not null,
    product_id   bigint not null,
    observed_at  timestamptz not null,
    variant_ids  bigint[] not null,
    primary key (shop_id, product_id)
);

-- What users read: no tombstones, no version columns but the ones with a meaning for them.
create schema live;

create view live.products as
select shop_id, id, title, handle, status, vendor, product_type, tags, body_html, template_suffix,
       has_variants_that_require_components, created_at, source_updated_at as updated_at, published_at, synced_at, raw
from products
where deleted_at is null;

create view live.product_variants as
select shop_id, id, product_id, title, sku, barcode, position, price, compare_at_price, taxable, inventory_policy,
       inventory_quantity, inventory_item_id, options, created_at, source_updated_at as updated_at, synced_at, raw
from product_variants
where deleted_at is null;

create view live.shops as
select id as shop_id, domain, shopify_id, name, email, currency_code, iana_timezone, plan, created_at, installed_at
from shops
where uninstalled_at is null;

-- The role that applications get: `grant mercury_reader to my_app`. Where the migration's user may not create
-- roles, it says so and leaves the grants to the operator.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mercury_reader') then
        create role mercury_reader nologin;
    end if;
    grant usage on schema live to mercury_reader;
    grant select on all tables in schema live to mercury_reader;
    alter default privileges in schema live grant select on tables to mercury_reader;
exception
    when insufficient_privilege then
        raise notice 'no role mercury_reader: create it and grant it usage on schema live and select on its views';
    when duplicate_object or unique_violation then
        null; -- another database of this cluster is being migrated at this very moment
end
$$;
