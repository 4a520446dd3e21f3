-- Customers. A customer's row is in parts, because the sources tell different parts, each with a clock of its own: the
-- body of customers/update has no tags, no consent and no totals, and must not touch them. live.customers is the whole.

create table customers (
    shop_id             bigint not null,
    id                  bigint not null,
    first_name          text,
    last_name           text,
    email               text,
    phone               text,
    -- disabled, invited, enabled or declined.
    state               text,
    note                text,
    verified_email      boolean,
    tax_exempt          boolean,
    tax_exemptions      text[],
    default_address_id  bigint,
    created_at          timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the erasure of a customer who is named by mail address only.
create index customers_email on customers (shop_id, lower(email));

-- Told by the Admin API only; customer.tags_added and customer.tags_removed lead to a fetch.
create table customer_tags (
    shop_id      bigint not null,
    customer_id  bigint not null,
    tags         text[],
    like mirrored including all,
    primary key (shop_id, customer_id)
);

-- Told by the Admin API and by customers/purchasing_summary.
create table customer_purchases (
    shop_id                bigint not null,
    customer_id            bigint not null,
    number_of_orders       bigint,
    amount_spent           numeric,
    amount_spent_currency  text,
    last_order_id          bigint,
    like mirrored including all,
    primary key (shop_id, customer_id)
);

-- Told by the Admin API and by customers_email_marketing_consent/update.
create table customer_email_consents (
    shop_id             bigint not null,
    customer_id         bigint not null,
    -- subscribed, not_subscribed, pending, unsubscribed, redacted or invalid.
    state               text,
    -- single_opt_in, confirmed_opt_in or unknown.
    opt_in_level        text,
    consent_updated_at  timestamptz,
    like mirrored including all,
    primary key (shop_id, customer_id)
);

-- Told by the Admin API and by customers_marketing_consent/update.
create table customer_sms_consents (
    shop_id             bigint not null,
    customer_id         bigint not null,
    state               text,
    opt_in_level        text,
    consent_updated_at  timestamptz,
    like mirrored including all,
    primary key (shop_id, customer_id)
);

create table customer_addresses (
    shop_id        bigint not null,
    id             bigint not null,
    customer_id    bigint,
    first_name     text,
    last_name      text,
    company        text,
    address1       text,
    address2       text,
    city           text,
    province       text,
    province_code  text,
    country        text,
    country_code   text,
    zip            text,
    phone          text,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the addresses of a customer; the removal of addresses that left a customer's set.
create index customer_addresses_customer on customer_addresses (shop_id, customer_id);

create view live.customers as
select c.shop_id, c.id, c.first_name, c.last_name, c.email, c.phone, c.state, c.note, c.verified_email, c.tax_exempt,
       c.tax_exemptions, c.default_address_id, t.tags, p.number_of_orders, p.amount_spent, p.amount_spent_currency,
       p.last_order_id, e.state as email_marketing_state, e.opt_in_level as email_marketing_opt_in_level,
       e.consent_updated_at as email_marketing_updated_at, s.state as sms_marketing_state,
       s.opt_in_level as sms_marketing_opt_in_level, s.consent_updated_at as sms_marketing_updated_at, c.created_at,
       c.source_updated_at as updated_at, c.synced_at, c.raw
from customers c
left join customer_tags t on t.shop_id = c.shop_id and t.customer_id = c.id
left join customer_purchases p on p.shop_id = c.shop_id and p.customer_id = c.id
left join customer_email_consents e on e.shop_id = c.shop_id and e.customer_id = c.id
left join customer_sms_consents s on s.shop_id = c.shop_id and s.customer_id = c.id
where c.deleted_at is null;

create view live.customer_addresses as
select shop_id, id, customer_id, first_name, last_name, company, address1, address2, city, province, province_code,
       country, country_code, zip, phone, synced_at
from customer_addresses
where deleted_at is null;
