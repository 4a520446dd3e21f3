-- Orders and everything that happens to them. Amounts without a prefix are in the store's currency (currency_code),
-- those with presentment_ in the one that the customer saw (presentment_currency_code).

create table orders (
    shop_id                           bigint not null,
    id                                bigint not null,
    -- As people call it: #1001.
    name                              text,
    -- The number in the name.
    number                            bigint,
    email                             text,
    phone                             text,
    customer_id                       bigint,
    -- pending, authorized, partially_paid, paid, partially_refunded, refunded, voided or expired.
    financial_status                  text,
    -- unfulfilled, partial, fulfilled or restocked.
    fulfillment_status                text,
    currency_code                     text,
    presentment_currency_code         text,
    -- At the time of the order; current_ = after refunds and edits.
    subtotal_price                    numeric,
    total_price                       numeric,
    total_tax                         numeric,
    total_discounts                   numeric,
    total_shipping_price              numeric,
    current_subtotal_price            numeric,
    current_total_price               numeric,
    presentment_subtotal_price        numeric,
    presentment_total_price           numeric,
    presentment_total_tax             numeric,
    presentment_total_discounts       numeric,
    presentment_total_shipping_price  numeric,
    presentment_current_total_price   numeric,
    tags                              text[],
    note                              text,
    discount_codes                    text[],
    payment_gateway_names             text[],
    source_name                       text,
    po_number                         text,
    test                              boolean,
    confirmed                         boolean,
    taxes_included                    boolean,
    -- customer, declined, fraud, inventory, staff or other.
    cancel_reason                     text,
    cancelled_at                      timestamptz,
    closed_at                         timestamptz,
    processed_at                      timestamptz,
    created_at                        timestamptz,
    -- first_name, last_name, company, address1, address2, city, province, province_code, country, country_code, zip, phone.
    billing_address                   jsonb,
    shipping_address                  jsonb,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the orders of a customer; the erasure of a customer.
create index orders_customer on orders (shop_id, customer_id);

create table order_line_items (
    shop_id                     bigint not null,
    id                          bigint not null,
    order_id                    bigint,
    product_id                  bigint,
    variant_id                  bigint,
    title                       text,
    variant_title               text,
    sku                         text,
    vendor                      text,
    quantity                    integer,
    -- After refunds and edits.
    current_quantity            integer,
    -- Of one piece, before discounts.
    price                       numeric,
    presentment_price           numeric,
    total_discount              numeric,
    presentment_total_discount  numeric,
    requires_shipping           boolean,
    taxable                     boolean,
    gift_card                   boolean,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the lines of an order; the removal of lines that left an order's set.
create index order_line_items_order on order_line_items (shop_id, order_id);

create table order_transactions (
    shop_id        bigint not null,
    id             bigint not null,
    order_id       bigint,
    -- The transaction that this one follows: the authorization of a capture.
    parent_id      bigint,
    -- authorization, capture, sale, void, refund, …
    kind           text,
    -- success, pending, failure, error, …
    status         text,
    gateway        text,
    -- In the currency of the payment.
    amount         numeric,
    currency_code  text,
    test           boolean,
    error_code     text,
    created_at     timestamptz,
    processed_at   timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the transactions of an order.
create index order_transactions_order on order_transactions (shop_id, order_id);

create table refunds (
    shop_id     bigint not null,
    id          bigint not null,
    order_id    bigint,
    note        text,
    created_at  timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the refunds of an order.
create index refunds_order on refunds (shop_id, order_id);

-- A bulk file cannot hold these: after an import they are fetched order by order.
create table refund_line_items (
    shop_id                bigint not null,
    id                     bigint not null,
    order_id               bigint,
    refund_id              bigint,
    line_item_id           bigint,
    quantity               integer,
    -- return, cancel, no_restock or legacy_restock.
    restock_type           text,
    subtotal               numeric,
    presentment_subtotal   numeric,
    total_tax              numeric,
    presentment_total_tax  numeric,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: what was given back of an order, and whether a refund's lines are known.
create index refund_line_items_order on refund_line_items (shop_id, order_id);

create table fulfillments (
    shop_id           bigint not null,
    id                bigint not null,
    order_id          bigint,
    location_id       bigint,
    -- As people call it: #1001.1.
    name              text,
    -- pending, open, success, cancelled, error or failure.
    status            text,
    tracking_company  text,
    tracking_numbers  text[],
    tracking_urls     text[],
    created_at        timestamptz,
    like mirrored including all,
    primary key (shop_id, id)
);

-- Serves: the fulfillments of an order.
create index fulfillments_order on fulfillments (shop_id, order_id);

create view live.orders as
select shop_id, id, name, number, email, phone, customer_id, financial_status, fulfillment_status, currency_code,
       presentment_currency_code, subtotal_price, total_price, total_tax, total_discounts, total_shipping_price,
       current_subtotal_price, current_total_price, presentment_subtotal_price, presentment_total_price,
       presentment_total_tax, presentment_total_discounts, presentment_total_shipping_price,
       presentment_current_total_price, tags, note, discount_codes, payment_gateway_names, source_name, po_number, test,
       confirmed, taxes_included, cancel_reason, cancelled_at, closed_at, processed_at, created_at,
       source_updated_at as updated_at, billing_address, shipping_address, synced_at, raw
from orders
where deleted_at is null;

create view live.order_line_items as
select shop_id, id, order_id, product_id, variant_id, title, variant_title, sku, vendor, quantity, current_quantity,
       price, presentment_price, total_discount, presentment_total_discount, requires_shipping, taxable, gift_card,
       synced_at, raw
from order_line_items
where deleted_at is null;

create view live.order_transactions as
select shop_id, id, order_id, parent_id, kind, status, gateway, amount, currency_code, test, error_code, created_at,
       processed_at, synced_at, raw
from order_transactions
where deleted_at is null;

create view live.refunds as
select shop_id, id, order_id, note, created_at, synced_at, raw
from refunds
where deleted_at is null;

create view live.refund_line_items as
select shop_id, id, order_id, refund_id, line_item_id, quantity, restock_type, subtotal, presentment_subtotal, total_tax,
       presentment_total_tax, synced_at, raw
from refund_line_items
where deleted_at is null;

create view live.fulfillments as
select shop_id, id, order_id, location_id, name, status, tracking_company, tracking_numbers, tracking_urls, created_at,
       source_updated_at as updated_at, synced_at, raw
from fulfillments
where deleted_at is null;
