-- products: writes the rows, newest wins. Keys are distinct; what was judged before is judged again under the row's
-- lock, for a writer that came in between. Returns the keys written.
insert into products (
    shop_id, id, source_updated_at, observed_at, title, handle, status, vendor, product_type, tags, body_html,
    template_suffix, has_variants_that_require_components, created_at, published_at, raw, source
)
select shop_id, id, source_updated_at, observed_at, title, handle, status, vendor, product_type, tags::text[],
       body_html, template_suffix, has_variants_that_require_components, created_at::timestamptz,
       published_at::timestamptz, raw::jsonb, $17
from unnest(
        $1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[], $15::text[],
        $16::text[]
    ) as t (
        shop_id, id, source_updated_at, observed_at, title, handle, status, vendor, product_type, tags, body_html,
        template_suffix, has_variants_that_require_components, created_at, published_at, raw
    )
order by shop_id, id -- a stable lock order
on conflict (shop_id, id) do update
set title = excluded.title, handle = excluded.handle, status = excluded.status, vendor = excluded.vendor,
    product_type = excluded.product_type, tags = excluded.tags, body_html = excluded.body_html,
    template_suffix = excluded.template_suffix,
    has_variants_that_require_components = excluded.has_variants_that_require_components,
    created_at = excluded.created_at, published_at = excluded.published_at,
    source_updated_at = excluded.source_updated_at, observed_at = excluded.observed_at, deleted_at = null,
    synced_at = now(), source = excluded.source, raw = excluded.raw
where judge(
    products.source_updated_at, products.observed_at, products.deleted_at, products.source,
    excluded.source_updated_at, excluded.observed_at, excluded.source,
    (products.title, products.handle, products.status, products.vendor, products.product_type, products.tags,
     products.body_html, products.template_suffix, products.has_variants_that_require_components,
     products.created_at, products.published_at)
    is not distinct from
    (excluded.title, excluded.handle, excluded.status, excluded.vendor, excluded.product_type, excluded.tags,
     excluded.body_html, excluded.template_suffix, excluded.has_variants_that_require_components,
     excluded.created_at, excluded.published_at)
) = 'apply'
returning shop_id, id
