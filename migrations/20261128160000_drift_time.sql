-- Shopify's clock tells whole seconds, and a small list is compared twice within one.
comment on column drift.compared_at is 'When the comparison began, by the clock of Postgres.';
comment on column drift_parts.compared_at is 'drift.compared_at of the comparison';
