-- The stores that are mirrored, and the tokens that read them.

create table shops (
    id              bigint generated always as identity primary key,
    domain          text not null unique check (domain ~ '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'),
    -- Shopify's own description of the store; null until the first fetch.
    shopify_id      bigint,
    name            text,
    email           text,
    currency_code   text,
    iana_timezone   text,
    plan            text,
    created_at      timestamptz,
    -- Shopify's clock: when the store described itself so.
    profile_observed_at  timestamptz,
    -- What the store lets us read; null until app/scopes_update tells. Shopify's clock beside it.
    scopes               text[],
    scopes_granted_at    timestamptz,
    -- Shopify refuses names, addresses and the like (protected customer data is not granted): where they come as null,
    -- what is stored stays.
    refuses_personal     boolean not null default false,
    -- A late app/uninstalled (triggered before this) changes nothing.
    installed_at    timestamptz not null default now(),
    uninstalled_at  timestamptz,
    added_at        timestamptz not null default now()
);

comment on table shops is 'one row per store; every mirrored table is keyed by (shop_id, id)';

-- Read only through `store::credentials`.
create table shop_credentials (
    shop_id       bigint primary key references shops (id) on delete cascade,
    access_token  text not null,
    updated_at    timestamptz not null default now()
);
