-- products upsert: newest wins, one statement per batch. Keys in the batch are distinct.
with incoming as (
    select *
    from unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::boolean[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[]
    ) as t (
        shop_id, id, title, handle, status, vendor, product_type, tags, body_html,
        template_suffix, has_variants_that_require_components, created_at, published_at, source_updated_at, observed_at, raw
    )
),
-- Rows that would change nothing are filtered before the write: they cost no lock, no parse of `raw` and no WAL.
judged as (
    select i.*, judge(
        p.source_updated_at, p.observed_at, p.deleted_at, p.source, i.source_updated_at, i.observed_at, $17,
        (p.title, p.handle, p.status, p.vendor, p.product_type, p.tags, p.body_html, p.template_suffix,
         p.has_variants_that_require_components, p.created_at, p.published_at)
        is not distinct from
        (i.title, i.handle, i.status, i.vendor, i.product_type, i.tags::text[], i.body_html, i.template_suffix,
         i.has_variants_that_require_components, i.created_at::timestamptz, i.published_at::timestamptz)
    ) as verdict
    from incoming i
    left join products p on p.shop_id = i.shop_id and p.id = i.id
),
written as (
    insert into products (
        shop_id, id, title, handle, status, vendor, product_type, tags, body_html, template_suffix,
        has_variants_that_require_components, created_at, published_at, source_updated_at, observed_at, source, raw
    )
    select shop_id, id, title, handle, status, vendor, product_type, tags::text[], body_html, template_suffix,
           has_variants_that_require_components, created_at::timestamptz, published_at::timestamptz, source_updated_at,
           observed_at, $17, raw::jsonb
    from judged
    where verdict = 'apply'
    order by shop_id, id -- a stable lock order
    on conflict (shop_id, id) do update
    set title = excluded.title, handle = excluded.handle, status = excluded.status, vendor = excluded.vendor,
        product_type = excluded.product_type, tags = excluded.tags, body_html = excluded.body_html,
        template_suffix = excluded.template_suffix,
        has_variants_that_require_components = excluded.has_variants_that_require_components,
        created_at = excluded.created_at, published_at = excluded.published_at,
        source_updated_at = excluded.source_updated_at, observed_at = excluded.observed_at, deleted_at = null,
        synced_at = now(), source = excluded.source, raw = excluded.raw
    -- Again under the row's lock, for a writer that came in between.
    where judge(products.source_updated_at, products.observed_at, products.deleted_at, products.source,
                excluded.source_updated_at, excluded.observed_at, excluded.source,
                (products.title, products.handle, products.status, products.vendor, products.product_type, products.tags,
                 products.body_html, products.template_suffix, products.has_variants_that_require_components,
                 products.created_at, products.published_at)
                is not distinct from
                (excluded.title, excluded.handle, excluded.status, excluded.vendor, excluded.product_type, excluded.tags,
                 excluded.body_html, excluded.template_suffix, excluded.has_variants_that_require_components,
                 excluded.created_at, excluded.published_at)) = 'apply'
    returning shop_id, id
)
select j.shop_id as "shop_id!", j.id as "id!",
       case when j.verdict = 'apply' and w.id is null then 'lost' else j.verdict end as "verdict!"
from judged j
left join written w on w.shop_id = j.shop_id and w.id = j.id
where j.verdict <> 'apply' or w.id is null
