-- product_variants: writes the rows, newest wins. Keys are distinct; what was judged before is judged again under the row's
-- lock, for a writer that came in between. Returns the keys written.
insert into product_variants (
    shop_id, id, source_updated_at, observed_at, product_id, title, sku, barcode, position, price, compare_at_price,
    taxable, inventory_policy, inventory_quantity, inventory_item_id, options, created_at, raw, source
)
select shop_id, id, source_updated_at, observed_at, product_id, title, sku, barcode, position, price::numeric,
       compare_at_price::numeric, taxable, inventory_policy, inventory_quantity, inventory_item_id, options::text[],
       created_at::timestamptz, raw::jsonb, $19
from unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::text[], $7::text[],
        $8::text[], $9::integer[], $10::text[], $11::text[], $12::boolean[], $13::text[], $14::integer[],
        $15::bigint[], $16::text[], $17::text[], $18::text[]
    ) as t (
        shop_id, id, source_updated_at, observed_at, product_id, title, sku, barcode, position, price,
        compare_at_price, taxable, inventory_policy, inventory_quantity, inventory_item_id, options, created_at, raw
    )
order by shop_id, id -- a stable lock order
on conflict (shop_id, id) do update
set product_id = excluded.product_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode,
    position = excluded.position, price = excluded.price, compare_at_price = excluded.compare_at_price,
    taxable = excluded.taxable, inventory_policy = excluded.inventory_policy,
    inventory_quantity = excluded.inventory_quantity, inventory_item_id = excluded.inventory_item_id,
    options = excluded.options, created_at = excluded.created_at, source_updated_at = excluded.source_updated_at,
    observed_at = excluded.observed_at, deleted_at = null, synced_at = now(), source = excluded.source,
    raw = excluded.raw
where judge(
    product_variants.source_updated_at, product_variants.observed_at, product_variants.deleted_at, product_variants.source,
    excluded.source_updated_at, excluded.observed_at, excluded.source,
    (product_variants.product_id, product_variants.title, product_variants.sku, product_variants.barcode,
     product_variants.position, product_variants.price, product_variants.compare_at_price, product_variants.taxable,
     product_variants.inventory_policy, product_variants.inventory_quantity, product_variants.inventory_item_id,
     product_variants.options, product_variants.created_at)
    is not distinct from
    (excluded.product_id, excluded.title, excluded.sku, excluded.barcode, excluded.position, excluded.price,
     excluded.compare_at_price, excluded.taxable, excluded.inventory_policy, excluded.inventory_quantity,
     excluded.inventory_item_id, excluded.options, excluded.created_at)
) = 'apply'
returning shop_id, id
