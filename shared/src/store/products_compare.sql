-- products: the same, for rows of the same second, whose columns decide.
select t.shop_id as "shop_id!", t.id as "id!", verdict as "verdict!"
from unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[], $15::text[]
    ) as t (
        shop_id, id, source_updated_at, observed_at, title, handle, status, vendor, product_type, tags, body_html,
        template_suffix, has_variants_that_require_components, created_at, published_at
    )
cross join lateral (
    select * from products p where p.shop_id = t.shop_id and p.id = t.id limit 1
) p
cross join lateral (select judge(
    p.source_updated_at, p.observed_at, p.deleted_at, p.source, t.source_updated_at, t.observed_at, $16,
    (p.title, p.handle, p.status, p.vendor, p.product_type, p.tags, p.body_html, p.template_suffix,
     p.has_variants_that_require_components, p.created_at, p.published_at)
    is not distinct from
    (t.title, t.handle, t.status, t.vendor, t.product_type, t.tags::text[], t.body_html, t.template_suffix,
     t.has_variants_that_require_components, t.created_at::timestamptz, t.published_at::timestamptz)
) as verdict) j
where verdict <> 'apply'
