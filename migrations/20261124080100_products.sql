-- Versions, and products with what they are made of.
--
-- There are no foreign keys between mirrored tables, because arrivals are unordered.

-- The version columns of every mirrored table. This table stays empty: it is the pattern that the others are made like.
create table mirrored (
    -- Shopify's clock: the updated_at of the resource, or what stands in for it; '-infinity' in a tombstone for a row
    -- never seen.
    source_updated_at  timestamptz not null,
    -- Shopify's clock: the state was read no earlier than this. Breaks ties of one second.
    observed_at        timestamptz not null,
    -- Set = tombstone: the resource was gone at this moment; an upsert observed no later is dropped. 'infinity' = erased
    -- for privacy: nothing brings it back.
    deleted_at         timestamptz,
    -- Our clock, for people only.
    synced_at          timestamptz not null default now(),
    -- How the row came.
    source             text not null check (source in ('webhook', 'fetch', 'bulk')),
    -- The body as it came: in the REST form from webhooks, in the GraphQL form otherwise.
    raw                jsonb compression lz4
);

-- Which members an owner had when last told in full, for example all variants of a product; none if the owner is gone.
-- A member outside the set and observed no later is gone.
create table member_sets (
    shop_id      bigint not null,
    -- The table of the members; for owners of several kinds with the kind: metafields/Product.
    members      text not null,
    owner_id     bigint not null,
    observed_at  timestamptz not null,
    ids          bigint[] not null,
    primary key (shop_id, members, owner_id)
);

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
    -- active, draft, archived or unlisted.
    status                                text,
    vendor                                text,
    product_type                          text,
    tags                                  text[],
    body_html                             text compression lz4,
    template_suffix                       text,
    has_variants_that_require_components  boolean,
    created_at                            timestamptz,
    published_at                          timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

create table product_options (
    shop_id        bigint not null,
    id             bigint not null,
    product_id     bigint,
    name           text,
    position       integer,
    option_values  text[],
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the options of a product; the removal of options that left a product's set.
create index product_options_product on product_options (shop_id, product_id);

create table product_media (
    shop_id             bigint not null,
    id                  bigint not null,
    product_id          bigint,
    -- IMAGE, VIDEO, EXTERNAL_VIDEO or MODEL_3D.
    media_content_type  text,
    alt                 text,
    -- READY, PROCESSING, FAILED or UPLOADED.
    status              text,
    -- Of the preview picture.
    url                 text,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the media of a product; the removal of media that left a product's set.
create index product_media_product on product_media (shop_id, product_id);

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
    -- continue = is sold although there is none; deny.
    inventory_policy    text,
    inventory_quantity  integer,
    inventory_item_id   bigint,
    -- The value for each of the product's options, in their order.
    options             text[],
    created_at          timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the variants of a product; the removal of variants that left a product's set.
create index product_variants_product on product_variants (shop_id, product_id);

-- What users read: no tombstones, no version columns but the ones with a meaning for them.
create schema live;

create view live.products as
select shop_id, id, title, handle, status, vendor, product_type, tags, body_html, template_suffix,
       has_variants_that_require_components, created_at, source_updated_at as updated_at, published_at, synced_at, raw
from products
where deleted_at is null;

create view live.product_options as
select shop_id, id, product_id, name, position, option_values, synced_at
from product_options
where deleted_at is null;

create view live.product_media as
select shop_id, id, product_id, media_content_type, alt, status, url, synced_at, raw
from product_media
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
