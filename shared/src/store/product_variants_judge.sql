-- product_variants: what becomes of each row, as far as its version alone tells. Rows that are to be written are left out.
select t.shop_id as "shop_id!", t.id as "id!", verdict as "verdict!"
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[])
    as t (shop_id, id, source_updated_at, observed_at, product_id)
-- One look-up in the index for each row: whatever the statistics say, never a scan of the table.
left join lateral (
    select * from product_variants p where p.shop_id = t.shop_id and p.id = t.id limit 1
) p on true
left join lateral (
    select * from product_variant_sets s where s.shop_id = t.shop_id and s.product_id = t.product_id limit 1
) s on true
cross join lateral (
    select case
        -- Outside the set that its product was known to have at that time or later: it is gone.
        when s.observed_at >= t.observed_at and not t.id = any (s.variant_ids) then 'stale'
        else judge(
            p.source_updated_at, p.observed_at, p.deleted_at, p.source, t.source_updated_at, t.observed_at, $6, null
        ) end as verdict
) j
where verdict <> 'apply'
