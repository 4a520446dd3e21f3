-- product_variants upsert: newest wins, one statement per batch. Keys in the batch are distinct.
with incoming as (
    select *
    from unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[],
        $10::boolean[], $11::text[], $12::integer[], $13::bigint[], $14::text[], $15::text[], $16::timestamptz[],
        $17::timestamptz[], $18::text[]
    ) as t (
        shop_id, id, product_id, title, sku, barcode, position, price, compare_at_price,
        taxable, inventory_policy, inventory_quantity, inventory_item_id, options, created_at, source_updated_at,
        observed_at, raw
    )
),
judged as (
    select i.*, case
        -- Outside the set that its product was known to have at that time or later: it is gone.
        when s.observed_at >= i.observed_at and not i.id = any (s.variant_ids) then 'stale'
        else judge(
            v.source_updated_at, v.observed_at, v.deleted_at, v.source, i.source_updated_at, i.observed_at, $19,
            (v.product_id, v.title, v.sku, v.barcode, v.position, v.price, v.compare_at_price, v.taxable,
             v.inventory_policy, v.inventory_quantity, v.inventory_item_id, v.options, v.created_at)
            is not distinct from
            (i.product_id, i.title, i.sku, i.barcode, i.position, i.price::numeric, i.compare_at_price::numeric, i.taxable,
             i.inventory_policy, i.inventory_quantity, i.inventory_item_id, i.options::text[], i.created_at::timestamptz)
        ) end as verdict
    from incoming i
    left join product_variants v on v.shop_id = i.shop_id and v.id = i.id
    left join product_variant_sets s on s.shop_id = i.shop_id and s.product_id = i.product_id
),
written as (
    insert into product_variants (
        shop_id, id, product_id, title, sku, barcode, position, price, compare_at_price, taxable, inventory_policy,
        inventory_quantity, inventory_item_id, options, created_at, source_updated_at, observed_at, source, raw
    )
    select shop_id, id, product_id, title, sku, barcode, position, price::numeric, compare_at_price::numeric, taxable,
           inventory_policy, inventory_quantity, inventory_item_id, options::text[], created_at::timestamptz,
           source_updated_at, observed_at, $19, raw::jsonb
    from judged
    where verdict = 'apply'
    order by shop_id, id -- a stable lock order
    on conflict (shop_id, id) do update
    set product_id = excluded.product_id, title = excluded.title, sku = excluded.sku, barcode = excluded.barcode,
        position = excluded.position, price = excluded.price, compare_at_price = excluded.compare_at_price,
        taxable = excluded.taxable, inventory_policy = excluded.inventory_policy,
        inventory_quantity = excluded.inventory_quantity, inventory_item_id = excluded.inventory_item_id,
        options = excluded.options, created_at = excluded.created_at, source_updated_at = excluded.source_updated_at,
        observed_at = excluded.observed_at, deleted_at = null, synced_at = now(), source = excluded.source,
        raw = excluded.raw
    -- Again under the row's lock, for a writer that came in between.
    where judge(product_variants.source_updated_at, product_variants.observed_at, product_variants.deleted_at,
                product_variants.source, excluded.source_updated_at, excluded.observed_at, excluded.source,
                (product_variants.product_id, product_variants.title, product_variants.sku, product_variants.barcode,
                 product_variants.position, product_variants.price, product_variants.compare_at_price,
                 product_variants.taxable, product_variants.inventory_policy, product_variants.inventory_quantity,
                 product_variants.inventory_item_id, product_variants.options, product_variants.created_at)
                is not distinct from
                (excluded.product_id, excluded.title, excluded.sku, excluded.barcode, excluded.position, excluded.price,
                 excluded.compare_at_price, excluded.taxable, excluded.inventory_policy, excluded.inventory_quantity,
                 excluded.inventory_item_id, excluded.options, excluded.created_at)) = 'apply'
    returning shop_id, id
)
select j.shop_id as "shop_id!", j.id as "id!",
       case when j.verdict = 'apply' and w.id is null then 'lost' else j.verdict end as "verdict!"
from judged j
left join written w on w.shop_id = j.shop_id and w.id = j.id
where j.verdict <> 'apply' or w.id is null
