-- What was delivered to us, and what became of it.

-- One row per delivery. Partitioned by day so that retention is a drop; the drains make partitions ahead and
-- whatever has none lands in the default.
create table webhook_logs (
    received_at     timestamptz not null,
    delivery_id     uuid not null,
    shop_domain     text not null,
    topic           text not null,
    webhook_id      text,
    event_id        text,
    triggered_at    timestamptz,
    api_version     text,
    -- received: committed before the answer, not yet processed    applied: the mirror changed
    -- stale: something newer was there    unhandled: a topic without a handler    unknown_shop: no such shop here
    -- waiting: not applicable as it came; a fetch is wanted    retrying: failed, will be tried again
    -- dead: in the dead-letter queue
    status          text not null check (status in
                        ('received', 'applied', 'stale', 'unhandled', 'unknown_shop', 'waiting', 'retrying', 'dead')),
    attempts        integer not null default 1,
    error           text,
    processed_at    timestamptz,
    payload         jsonb,
    -- A body that is not JSON, as it came.
    payload_bytes   bytea,
    primary key (received_at, delivery_id)
) partition by range (received_at);

create table webhook_logs_default partition of webhook_logs default;

-- Serves: the log of one shop, newest first.
create index webhook_logs_shop on webhook_logs (shop_domain, received_at desc);

-- Serves: what became of one delivery.
create index webhook_logs_webhook on webhook_logs (webhook_id);

-- Deliveries refused for their signature: capped in size, kept as bytes, never applied.
create table webhook_rejections (
    id            uuid primary key,
    received_at   timestamptz not null,
    reason        text not null,
    shop_domain   text,
    topic         text,
    webhook_id    text,
    body_size     integer not null,
    body          bytea not null
);

create index webhook_rejections_received on webhook_rejections (received_at desc);
