-- product_variants: the same, for rows of the same second, whose columns decide.
select t.shop_id as "shop_id!", t.id as "id!", verdict as "verdict!"
from unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::text[], $7::text[],
        $8::text[], $9::integer[], $10::text[], $11::text[], $12::boolean[], $13::text[], $14::integer[],
        $15::bigint[], $16::text[], $17::text[]
    ) as t (
        shop_id, id, source_updated_at, observed_at, product_id, title, sku, barcode, position, price,
        compare_at_price, taxable, inventory_policy, inventory_quantity, inventory_item_id, options, created_at
    )
cross join lateral (
    select * from product_variants p where p.shop_id = t.shop_id and p.id = t.id limit 1
) p
cross join lateral (select judge(
    p.source_updated_at, p.observed_at, p.deleted_at, p.source, t.source_updated_at, t.observed_at, $18,
    (p.product_id, p.title, p.sku, p.barcode, p.position, p.price, p.compare_at_price, p.taxable,
     p.inventory_policy, p.inventory_quantity, p.inventory_item_id, p.options, p.created_at)
    is not distinct from
    (t.product_id, t.title, t.sku, t.barcode, t.position, t.price::numeric, t.compare_at_price::numeric, t.taxable,
     t.inventory_policy, t.inventory_quantity, t.inventory_item_id, t.options::text[], t.created_at::timestamptz)
) as verdict) j
where verdict <> 'apply'
