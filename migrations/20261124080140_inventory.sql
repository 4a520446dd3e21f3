-- Stock.

create table locations (
    shop_id        bigint not null,
    id             bigint not null,
    name           text,
    active         boolean,
    address1       text,
    address2       text,
    city           text,
    zip            text,
    province_code  text,
    country_code   text,
    phone          text,
    created_at     timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- What is stored: one for each variant, named by product_variants.inventory_item_id.
create table inventory_items (
    shop_id                  bigint not null,
    id                       bigint not null,
    sku                      text,
    tracked                  boolean,
    requires_shipping        boolean,
    -- In the store's currency.
    cost                     numeric,
    country_code_of_origin   text,
    province_code_of_origin  text,
    harmonized_system_code   text,
    created_at               timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- A level that is not active any more is a tombstone.
create table inventory_levels (
    shop_id            bigint not null,
    inventory_item_id  bigint not null,
    location_id        bigint not null,
    available          integer,
    like mirrored including all,
    primary key (shop_id, inventory_item_id, location_id)
);

-- Serves: what is stored at a location; the removal of levels when the location is gone.
create index inventory_levels_location on inventory_levels (shop_id, location_id);

create view live.locations as
select shop_id, id, name, active, address1, address2, city, zip, province_code, country_code, phone, created_at,
       source_updated_at as updated_at, synced_at, raw
from locations
where deleted_at is null;

create view live.inventory_items as
select shop_id, id, sku, tracked, requires_shipping, cost, country_code_of_origin, province_code_of_origin,
       harmonized_system_code, created_at, source_updated_at as updated_at, synced_at, raw
from inventory_items
where deleted_at is null;

create view live.inventory_levels as
select shop_id, inventory_item_id, location_id, available, source_updated_at as updated_at, synced_at, raw
from inventory_levels
where deleted_at is null;
