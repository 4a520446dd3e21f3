//! Canonical lines say what the graph says, column by column.

use std::collections::HashMap;

use fake_shopify::{Server, Table};
use serde_json::{Value, json};

use crate::support::{bulk_lines, client, data, document, store};

/// A column as a line writes it. `gid:` takes the number of a gid, `low:` the word of REST for an enum value.
fn column(node: &Value, path: &str) -> String {
    let (how, pointer) = path.split_once(':').unwrap_or(("", path));
    let value = if let Some(fixed) = pointer.strip_prefix('=') {
        return fixed.to_owned();
    } else {
        node.pointer(pointer).unwrap_or(&Value::Null)
    };
    let plain = |value: &Value| match value {
        Value::Null => "\\N".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (how, value) {
        (_, Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        ("gid", Value::String(gid)) => gid.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned(),
        ("low", Value::String(word)) => match word.as_str() {
            "NEVER_SUBSCRIBED" => "not_subscribed".to_owned(),
            "PARTIALLY_FULFILLED" => "partial".to_owned(),
            word => word.to_lowercase(),
        },
        ("dash", Value::String(word)) => word.to_lowercase().replace('_', "-"),
        (_, value) => plain(value),
    }
}

fn line(node: &Value, columns: &str) -> String {
    let columns: Vec<String> = columns.split_whitespace().map(|path| column(node, path)).collect();
    columns.join("|")
}

const CUSTOMER: &str = "/legacyResourceId /firstName /lastName /defaultEmailAddress/emailAddress \
    /defaultPhoneNumber/phoneNumber low:/state /note /verifiedEmail /taxExempt /taxExemptions gid:/defaultAddress/id \
    /createdAt /updatedAt /tags /numberOfOrders /amountSpent/amount /amountSpent/currencyCode gid:/lastOrder/id \
    low:/defaultEmailAddress/marketingState low:/defaultEmailAddress/marketingOptInLevel \
    /defaultEmailAddress/marketingUpdatedAt low:/defaultPhoneNumber/smsMarketingConsent/state \
    low:/defaultPhoneNumber/smsMarketingConsent/optInLevel /defaultPhoneNumber/smsMarketingConsent/updatedAt";
const ADDRESS: &str = "gid:/id gid:/owner /firstName /lastName /company /address1 /address2 /city /province \
    /provinceCode /country /countryCodeV2 /zip /phone";
const ORDER: &str = "/legacyResourceId /name /number /email /phone gid:/customer/id low:/displayFinancialStatus \
    low:/displayFulfillmentStatus /currencyCode /presentmentCurrencyCode /subtotalPriceSet/shopMoney/amount \
    /totalPriceSet/shopMoney/amount /totalTaxSet/shopMoney/amount /totalDiscountsSet/shopMoney/amount \
    /totalShippingPriceSet/shopMoney/amount /currentSubtotalPriceSet/shopMoney/amount \
    /currentTotalPriceSet/shopMoney/amount /subtotalPriceSet/presentmentMoney/amount \
    /totalPriceSet/presentmentMoney/amount /totalTaxSet/presentmentMoney/amount \
    /totalDiscountsSet/presentmentMoney/amount /totalShippingPriceSet/presentmentMoney/amount \
    /currentTotalPriceSet/presentmentMoney/amount /tags /note /discountCodes /paymentGatewayNames /sourceName \
    /poNumber /test /confirmed /taxesIncluded low:/cancelReason /cancelledAt /closedAt /processedAt /createdAt \
    /updatedAt /billingAddress/city /billingAddress/zip /billingAddress/countryCodeV2 /shippingAddress/city \
    /shippingAddress/zip /shippingAddress/countryCodeV2";
const ORDER_LINE: &str = "gid:/id gid:/owner gid:/product/id gid:/variant/id /title /variantTitle /sku /vendor /quantity \
    /currentQuantity /originalUnitPriceSet/shopMoney/amount /originalUnitPriceSet/presentmentMoney/amount \
    /totalDiscountSet/shopMoney/amount /totalDiscountSet/presentmentMoney/amount /requiresShipping /taxable /isGiftCard";
const TRANSACTION: &str = "gid:/id gid:/owner gid:/parentTransaction/id low:/kind low:/status /gateway \
    /amountSet/presentmentMoney/amount /amountSet/presentmentMoney/currencyCode /test low:/errorCode /createdAt \
    /processedAt";
const REFUND: &str = "/legacyResourceId gid:/owner /note /createdAt";
const COLLECTION: &str = "/legacyResourceId /title /handle /descriptionHtml dash:/sortOrder /templateSuffix /updatedAt";
const METAFIELD: &str = "gid:/id /kind gid:/owner /namespace /key /type /value /updatedAt";
const ITEM: &str = "/legacyResourceId /sku /tracked /requiresShipping /unitCost/amount /countryCodeOfOrigin \
    /provinceCodeOfOrigin /harmonizedSystemCode /createdAt /updatedAt";
const LOCATION: &str = "/legacyResourceId /name /isActive /address/address1 /address/address2 /address/city /address/zip \
    /address/provinceCode /address/countryCode /address/phone /createdAt /updatedAt";

fn rows(server: &Server, table: Table) -> Vec<String> {
    let mut rows: Vec<String> = server
        .keyed_rows(None, table)
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    rows.sort_unstable();
    assert!(!rows.is_empty(), "{table:?}");
    rows
}

/// Lines of a bulk result by type, children with the gid of their parent as `owner` and its type as `kind`.
async fn exported(server: &Server, name: &str) -> HashMap<String, Vec<Value>> {
    let mut by_type: HashMap<String, Vec<Value>> = HashMap::new();
    for mut line in bulk_lines(server, name).await {
        let type_name = line["__typename"].as_str().unwrap().to_owned();
        if let Some(parent) = line["__parentId"].as_str().map(str::to_owned) {
            line["kind"] = parent.split('/').nth(3).unwrap().into();
            line["owner"] = parent.into();
        }
        by_type.entry(type_name).or_default().push(line);
    }
    by_type
}

fn check(server: &Server, table: Table, nodes: &[Value], columns: &str) {
    let mut lines: Vec<String> = nodes.iter().map(|node| line(node, columns)).collect();
    lines.sort_unstable();
    for (ours, theirs) in rows(server, table).iter().zip(&lines) {
        assert_eq!(ours, theirs, "{table:?}");
    }
    assert_eq!(rows(server, table).len(), lines.len(), "{table:?}");
}

#[tokio::test]
async fn canonical_lines_equal_what_is_exported() {
    let server = store(60, 40, 60, 12).await;
    let customers = exported(&server, "bulk_customers").await;
    check(&server, Table::Customers, &customers["Customer"], CUSTOMER);
    check(&server, Table::CustomerAddresses, &customers["MailingAddress"], ADDRESS);
    let mut orders = exported(&server, "bulk_orders").await;
    check(&server, Table::Orders, &orders["Order"], ORDER);
    check(&server, Table::OrderLineItems, &orders["LineItem"], ORDER_LINE);
    let listed = |name: &str| -> Vec<Value> {
        let of = |order: &Value| -> Vec<Value> {
            let mut list = order[name].as_array().unwrap().clone();
            list.iter_mut().for_each(|one| one["owner"] = order["id"].clone());
            list
        };
        orders["Order"].iter().flat_map(of).collect()
    };
    check(&server, Table::OrderTransactions, &listed("transactions"), TRANSACTION);
    check(&server, Table::Refunds, &listed("refunds"), REFUND);
    let collections = exported(&server, "bulk_collections").await;
    check(&server, Table::Collections, &collections["Collection"], COLLECTION);
    check(
        &server,
        Table::CollectionProducts,
        &collections["Product"],
        "gid:/owner gid:/id",
    );
    let stock = exported(&server, "bulk_inventory").await;
    check(&server, Table::InventoryItems, &stock["InventoryItem"], ITEM);
    let mut levels = stock["InventoryLevel"].clone();
    levels.retain(|level| level["isActive"] == true);
    let columns = "gid:/owner gid:/location/id /quantities/0/quantity /updatedAt";
    check(&server, Table::InventoryLevels, &levels, columns);
    let locations = exported(&server, "bulk_locations").await;
    check(&server, Table::Locations, &locations["Location"], LOCATION);
    let products = exported(&server, "bulk_products").await;
    let columns = "gid:/id gid:/owner /mediaContentType /alt /status /preview/image/url";
    check(&server, Table::ProductMedia, &products["MediaImage"], columns);
    let mut metafields = orders.remove("Metafield").unwrap();
    metafields.extend(customers["Metafield"].iter().cloned());
    metafields.extend(products["Metafield"].iter().cloned());
    metafields.extend(
        exported(&server, "bulk_variant_metafields").await["Metafield"]
            .iter()
            .cloned(),
    );
    // No bulk document has room for those of collections.
    let query = "{ collections(first: 50) { nodes { id metafields(first: 9) { nodes { id namespace key type value updatedAt } } } } }";
    for collection in data(&server, query, json!({})).await["collections"]["nodes"]
        .as_array()
        .unwrap()
    {
        for metafield in collection["metafields"]["nodes"].as_array().unwrap() {
            let mut metafield = metafield.clone();
            metafield["owner"] = collection["id"].clone();
            metafield["kind"] = "Collection".into();
            metafields.push(metafield);
        }
    }
    check(&server, Table::Metafields, &metafields, METAFIELD);
}

#[tokio::test]
async fn lines_of_refunds_and_parcels_equal_what_an_order_shows() {
    let server = store(40, 20, 60, 0).await;
    let (mut refunded, mut parcels) = (Vec::new(), Vec::new());
    for (id, _) in server.rows(None, Table::Orders) {
        let gid = format!("gid://shopify/Order/{id}");
        let answer = data(&server, &document("order_by_id"), json!({"id": gid})).await;
        for refund in answer["order"]["refunds"].as_array().unwrap() {
            for line in refund["refundLineItems"]["nodes"].as_array().unwrap() {
                let mut line = line.clone();
                line["owner"] = refund["id"].clone();
                refunded.push(line);
            }
        }
        for parcel in answer["order"]["fulfillments"].as_array().unwrap() {
            let mut parcel = parcel.clone();
            parcel["owner"] = gid.clone().into();
            parcels.push(parcel);
        }
    }
    let cut = |table: Table, columns: usize| -> Vec<String> {
        let cut = |line: &String| line.split('|').take(columns).collect::<Vec<_>>().join("|");
        rows(&server, table).iter().map(cut).collect()
    };
    let columns = "gid:/id gid:/owner gid:/lineItem/id /quantity low:/restockType /subtotalSet/shopMoney/amount \
        /subtotalSet/presentmentMoney/amount";
    let mut lines: Vec<String> = refunded.iter().map(|node| line(node, columns)).collect();
    lines.sort_unstable();
    assert_eq!(cut(Table::RefundLineItems, 7), lines);
    let columns = "/legacyResourceId gid:/owner gid:/location/id /name low:/status /trackingInfo/0/company \
        /trackingInfo/0/number /trackingInfo/0/url /createdAt /updatedAt";
    let mut lines: Vec<String> = parcels.iter().map(|node| line(node, columns)).collect();
    lines.sort_unstable();
    assert_eq!(rows(&server, Table::Fulfillments), lines);
}

#[tokio::test]
async fn the_control_api_names_rows_by_one_id_or_by_two() {
    let server = store(20, 4, 4, 4).await;
    for (name, table) in Table::ALL {
        let url = format!("{}/_fake/rows/{name}", server.url());
        let text = client().get(url).send().await.unwrap().text().await.unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), server.rows(None, table).len(), "{name}");
        let joins = matches!(table, Table::CollectionProducts | Table::InventoryLevels);
        assert!(lines.iter().all(|line| line["id"].is_array() == joins), "{name}");
    }
}

/// FNV-1a, written here because the number below must never change.
fn hash(lines: &[String]) -> u64 {
    let bytes = lines.iter().flat_map(|line| line.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[tokio::test]
async fn goods_are_those_of_the_first_version_whatever_else_a_shop_holds() {
    let server = store(100, 7, 9, 5).await;
    let lines = |table| -> Vec<String> {
        let rows = server.keyed_rows(None, table).into_iter();
        rows.map(|(_, line)| line).collect()
    };
    assert_eq!(hash(&lines(Table::Products)), 430_880_044_023_519_911);
    assert_eq!(hash(&lines(Table::ProductVariants)), 4_578_594_876_178_799_713);
}
