-- products: what becomes of each row, as far as its version alone tells. Rows that are to be written are left out.
select t.shop_id as "shop_id!", t.id as "id!", verdict as "verdict!"
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
    as t (shop_id, id, source_updated_at, observed_at)
-- One look-up in the index for each row: whatever the statistics say, never a scan of the table.
cross join lateral (
    select * from products p where p.shop_id = t.shop_id and p.id = t.id limit 1
) p
cross join lateral (select judge(
    p.source_updated_at, p.observed_at, p.deleted_at, p.source, t.source_updated_at, t.observed_at, $5, null
) as verdict) j
where verdict <> 'apply'
