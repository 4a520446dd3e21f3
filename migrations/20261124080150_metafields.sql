-- Metafields. Webhooks do not tell of them; imports and fetches do.

create table metafields (
    shop_id     bigint not null,
    id          bigint not null,
    -- Product, ProductVariant, Collection, Customer or Order.
    owner_type  text,
    owner_id    bigint,
    namespace   text,
    key         text,
    type_name   text,
    value       text compression lz4,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the metafields of a resource; the removal of those that left a resource's set.
create index metafields_owner on metafields (shop_id, owner_id, owner_type);

create view live.metafields as
select shop_id, id, owner_type, owner_id, namespace, key, type_name as type, value, source_updated_at as updated_at,
       synced_at, raw
from metafields
where deleted_at is null;
