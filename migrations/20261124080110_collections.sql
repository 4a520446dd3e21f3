-- Collections and their members.

create table collections (
    shop_id          bigint not null,
    id               bigint not null,
    title            text,
    handle           text,
    body_html        text compression lz4,
    -- In the words of webhooks: manual, best-selling, alpha-asc, price-desc, created, …
    sort_order       text,
    template_suffix  text,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Which products are in which collection. Webhooks never tell; imports and fetches do, and a fetch of the collection
-- tells all of them.
create table collection_products (
    shop_id        bigint not null,
    collection_id  bigint not null,
    product_id     bigint not null,
    like mirrored including all,
    primary key (shop_id, collection_id, product_id)
);

-- Serves: the collections of a product.
create index collection_products_product on collection_products (shop_id, product_id);

create view live.collections as
select shop_id, id, title, handle, body_html, sort_order, template_suffix, source_updated_at as updated_at, synced_at, raw
from collections
where deleted_at is null;

create view live.collection_products as
select shop_id, collection_id, product_id, synced_at
from collection_products
where deleted_at is null;
