//! The Admin API: validation, identity, cost, paging.

use std::path::Path;

use fake_shopify::{Config, Edit, Server, Table};
use serde_json::{Value, json};

use crate::support::{
    BULK_PRODUCTS, PRODUCT_BY_ID, bulk, client, graphql, post_graphql, product_line, server, variant_line,
};

#[tokio::test]
async fn a_misspelt_field_is_refused_in_shopifys_words() {
    let server = server(3).await;
    let response = post_graphql(
        &server,
        "query Page { products(first: 1) { nodes { id titel } } }",
        json!({}),
    )
    .await;
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert!(body.get("data").is_none());
    let error = &body["errors"][0];
    assert_eq!(error["message"], "Field 'titel' doesn't exist on type 'Product'");
    assert_eq!(
        error["extensions"],
        json!({"code": "undefinedField", "typeName": "Product", "fieldName": "titel"})
    );
    assert_eq!(error["locations"], json!([{"line": 1, "column": 46}]));
    assert_eq!(error["path"][0], "query Page");
}

#[tokio::test]
async fn wrong_arguments_and_variables_are_refused() {
    let server = server(1).await;
    for (query, variables, message) in [
        (
            "{ products(frist: 1) { nodes { id } } }",
            json!({}),
            "Field 'products' doesn't accept argument 'frist'",
        ),
        (
            "{ product { id } }",
            json!({}),
            "Field 'product' is missing required arguments: id",
        ),
        ("{ shop { id }", json!({}), "syntax error, unexpected end of file"),
        (
            "query($a: Int) { shop { id } }",
            json!({}),
            "Variable $a is declared by the operation but not used",
        ),
        (
            "{ products { nodes { id } } }",
            json!({}),
            "you must provide one of first or last",
        ),
    ] {
        let body = graphql(&server, query, variables).await;
        assert_eq!(body["errors"][0]["message"], message, "{query}");
    }
    let body = graphql(&server, "query($id: ID!) { product(id: $id) { id } }", json!({})).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "INVALID_VARIABLE");
}

/// The documents of the mirror by name; read from its sources, so that a misspelt field there fails here.
fn documents_of_the_mirror() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/src/shopify/queries");
    let mut documents = vec![("product_by_id".to_owned(), PRODUCT_BY_ID.to_owned())];
    if let Ok(entries) = std::fs::read_dir(folder) {
        let paths = entries.map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "graphql")) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            documents.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    documents
}

#[tokio::test]
async fn every_document_of_the_mirror_validates() {
    let server = server(1).await;
    let (product, variants) = server.products(None)[0].clone();
    for (name, document) in documents_of_the_mirror() {
        let id = match name.contains("variant") {
            true => format!("gid://shopify/ProductVariant/{}", variants[0]),
            false => format!("gid://shopify/Product/{product}"),
        };
        let body = graphql(
            &server,
            &document,
            json!({"id": id, "ids": [id], "first": 10, "variantsFirst": 10, "query": ""}),
        )
        .await;
        for error in body["errors"].as_array().into_iter().flatten() {
            // A value may be missing here; a field may not, neither in the schema nor in this fake.
            assert!(error.get("locations").is_none(), "{name}: {error}");
            assert_ne!(error["extensions"]["code"], "FAKE_UNRESOLVED", "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn every_bulk_document_of_the_mirror_runs() {
    let server = server(12).await;
    let mut documents = documents_of_the_mirror();
    documents.retain(|(name, _)| name.ends_with("_bulk"));
    documents.push(("bulk_products".to_owned(), BULK_PRODUCTS.to_owned()));
    for (name, document) in documents {
        let operation = bulk(&server, &document, false).await;
        assert_eq!(operation["status"], "COMPLETED", "{name}");
        assert_ne!(operation["objectCount"], "0", "{name}");
    }
}

#[tokio::test]
async fn only_the_shops_own_token_opens_it() {
    let server = server(1).await;
    let config = server.config();
    let ask = |shop: &str, version: &str, token: &str| {
        let url = format!("{}/{shop}/admin/api/{version}/graphql.json", server.url());
        let request = client().post(url).header("X-Shopify-Access-Token", token);
        request.json(&json!({"query": "{ shop { name } }"})).send()
    };
    let refused = ask(&config.shop, "2026-10", "shpat_other").await.unwrap();
    assert_eq!(refused.status(), 401);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        body["errors"],
        "[API] Invalid API key or access token (unrecognized login or wrong password)"
    );
    assert_eq!(
        ask("other.myshopify.com", "2026-10", &config.token)
            .await
            .unwrap()
            .status(),
        404
    );
    let old = ask(&config.shop, "2024-01", &config.token).await.unwrap();
    assert_eq!(old.headers()["X-Shopify-API-Version"], "2026-01");
    let current = ask(&config.shop, "2026-10", &config.token).await.unwrap();
    assert_eq!(current.headers()["X-Shopify-API-Version"], "2026-10");
    assert!(current.headers().contains_key("X-Request-Id") && current.headers().contains_key("Date"));
}

#[tokio::test]
async fn shops_of_one_server_do_not_mix() {
    let server = server(2).await;
    server.add_shop("b.myshopify.com", "shpat_b", 5, 1);
    let url = format!("{}/b.myshopify.com/admin/api/2026-10/graphql.json", server.url());
    let request = client().post(url).header("X-Shopify-Access-Token", "shpat_b");
    let query = json!({"query": "{ productsCount { count } shop { myshopifyDomain } }"});
    let body: Value = request.json(&query).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        body["data"],
        json!({"productsCount": {"count": 5}, "shop": {"myshopifyDomain": "b.myshopify.com"}})
    );
    let both = [None, Some("b.myshopify.com")].map(|shop| server.products(shop)[0].0);
    assert_eq!(both[0], both[1], "ids are unique within a shop only");
}

#[tokio::test]
async fn canonical_lines_equal_what_graphql_serves() {
    let server = Server::start(Config {
        products: 60,
        bucket: (20_000.0, 1_000.0),
        ..Config::default()
    })
    .await
    .unwrap();
    let variants = server.rows(None, Table::ProductVariants);
    let mut seen = 0;
    for (id, line) in server.rows(None, Table::Products) {
        let gid = format!("gid://shopify/Product/{id}");
        let body = graphql(&server, PRODUCT_BY_ID, json!({"id": gid})).await;
        assert!(body.get("errors").is_none(), "{body}");
        let product = &body["data"]["product"];
        assert_eq!(product_line(product), line);
        for variant in product["variants"]["nodes"].as_array().unwrap() {
            let number: i64 = variant["legacyResourceId"].as_str().unwrap().parse().unwrap();
            let at = variants.binary_search_by_key(&number, |(id, _)| *id).unwrap();
            assert_eq!(variant_line(variant, &gid), variants[at].1);
            seen += 1;
        }
    }
    assert_eq!(seen, variants.len());
    assert!(
        server.products(None).iter().any(|(id, _)| *id > 1 << 53),
        "some ids do not fit a float"
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_goods() {
    let start = |seed| {
        Server::start(Config {
            products: 40,
            seed,
            ..Config::default()
        })
    };
    let (a, b, c) = (
        start(7).await.unwrap(),
        start(7).await.unwrap(),
        start(8).await.unwrap(),
    );
    for table in [Table::Products, Table::ProductVariants] {
        assert_eq!(a.rows(None, table), b.rows(None, table));
        assert_ne!(a.rows(None, table), c.rows(None, table));
    }
}

#[tokio::test]
async fn a_walk_by_updated_at_meets_every_product_once() {
    let server = server(120).await;
    let query = "query Page($first: Int!, $after: String, $query: String) { products(first: $first, after: $after, query: $query, \
        sortKey: UPDATED_AT) { edges { cursor node { legacyResourceId updatedAt } } pageInfo { hasNextPage endCursor } } }";
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut after = Value::Null;
    loop {
        let body = graphql(
            &server,
            query,
            json!({"first": 50, "after": after, "query": "updated_at:>='2024-01-01T00:00:00Z'"}),
        )
        .await;
        let page = &body["data"]["products"];
        for edge in page["edges"].as_array().unwrap() {
            let text = |key: &str| edge["node"][key].as_str().unwrap().to_owned();
            seen.push((text("updatedAt"), text("legacyResourceId")));
        }
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(after, page["edges"].as_array().unwrap().last().unwrap()["cursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert!(seen.is_sorted_by_key(|(updated_at, _)| updated_at.clone()));
    let mut ids: Vec<i64> = seen.iter().map(|(_, id)| id.parse().unwrap()).collect();
    ids.sort_unstable();
    let expected: Vec<i64> = server.products(None).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_deleted_product_is_null_where_it_stood() {
    let server = server(3).await;
    let ids: Vec<i64> = server.products(None).into_iter().map(|(id, _)| id).collect();
    server.edit(None, &Edit::DeleteProduct(ids[1]), true).await.unwrap();
    let gids: Vec<String> = ids.iter().map(|id| format!("gid://shopify/Product/{id}")).collect();
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Product { updatedAt } } }";
    let body = graphql(&server, query, json!({"ids": gids})).await;
    assert!(body.get("errors").is_none());
    let nodes = body["data"]["nodes"].as_array().unwrap();
    assert_eq!(
        nodes.iter().map(Value::is_null).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_eq!(nodes[2]["__typename"], "Product");
    let gone = graphql(&server, PRODUCT_BY_ID, json!({"id": gids[1]})).await;
    assert_eq!((&gone["data"]["product"], gone.get("errors")), (&Value::Null, None));
}

#[tokio::test]
async fn many_variants_are_paged() {
    let server = server(1_000).await;
    let (id, variants) = server
        .products(None)
        .into_iter()
        .find(|(_, variants)| variants.len() > 100)
        .unwrap();
    let mut found = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({"id": format!("gid://shopify/Product/{id}"), "variantsAfter": after});
        let body = graphql(&server, PRODUCT_BY_ID, variables).await;
        let page = &body["data"]["product"]["variants"];
        let ids = page["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["legacyResourceId"].as_str().unwrap().parse::<i64>().unwrap());
        found.extend(ids);
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(found, variants);
}

#[tokio::test]
async fn aliases_fragments_and_directives_are_projected() {
    let server = server(2).await;
    let query = "query($yes: Boolean!, $no: Boolean!) { one: products(first: 1) { nodes { ...Short kept: handle @include(if: $yes) \
        vendor @skip(if: $yes) status @include(if: $no) ... on Node { again: id } } } } fragment Short on Product { name: title __typename }";
    let body = graphql(&server, query, json!({"yes": true, "no": false})).await;
    let node = body["data"]["one"]["nodes"][0].as_object().unwrap();
    let mut keys: Vec<&str> = node.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["__typename", "again", "kept", "name"]);
}

#[tokio::test]
async fn a_misspelt_filter_returns_everything_with_a_warning() {
    let server = server(5).await;
    let body = graphql(
        &server,
        "{ products(first: 9, query: \"updatd_at:>='2030-01-01'\") { nodes { id } } }",
        json!({}),
    )
    .await;
    assert_eq!(body["data"]["products"]["nodes"].as_array().unwrap().len(), 5);
    assert_eq!(body["extensions"]["search"][0]["warnings"][0]["code"], "invalid_field");
    let none = graphql(
        &server,
        "{ products(first: 9, query: \"updated_at:>='2030-01-01'\") { nodes { id } } }",
        json!({}),
    )
    .await;
    assert_eq!(none["data"]["products"]["nodes"], json!([]));
}

#[tokio::test]
async fn an_empty_bucket_throttles_and_fills_again() {
    let config = Config {
        products: 1,
        bucket: (100.0, 50.0),
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let ask = || {
        graphql(
            &server,
            PRODUCT_BY_ID,
            json!({"id": format!("gid://shopify/Product/{}", server.products(None)[0].0)}),
        )
    };
    let cost = ask().await["extensions"]["cost"].clone();
    assert_eq!(
        (&cost["requestedQueryCost"], &cost["actualQueryCost"]),
        (&json!(75), &json!(29))
    );
    let mut throttled = ask().await;
    while throttled.get("data").is_some() {
        throttled = ask().await;
    }
    assert_eq!(throttled["errors"][0]["message"], "Throttled");
    assert_eq!(throttled["errors"][0]["extensions"]["code"], "THROTTLED");
    let cost = &throttled["extensions"]["cost"];
    assert_eq!(
        (&cost["requestedQueryCost"], &cost["actualQueryCost"]),
        (&json!(75), &Value::Null)
    );
    let status = &cost["throttleStatus"];
    assert_eq!(
        (&status["maximumAvailable"], &status["restoreRate"]),
        (&json!(100.0), &json!(50.0))
    );
    while ask().await.get("data").is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_query_above_the_single_limit_does_not_run() {
    let server = server(1).await;
    let query = "{ products(first: 250) { nodes { id media(first: 250) { nodes { id } } metafields(first: 250) { nodes { id } } \
        collections(first: 250) { nodes { id } } variants(first: 250) { nodes { id product { id variants(first: 250) { nodes { id } } } } } } } }";
    let body = graphql(&server, query, json!({})).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "MAX_COST_EXCEEDED");
    assert!(body.get("data").is_none());
}

#[tokio::test]
async fn subscriptions_made_by_the_api_are_listed_there() {
    let server = server(1).await;
    let create = "mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $topic, \
        webhookSubscription: $sub) { webhookSubscription { id topic uri apiVersion { handle } } userErrors { field message } } }";
    let variables = json!({"topic": "PRODUCTS_UPDATE", "sub": {"uri": "https://app.example/webhooks"}});
    let first = graphql(&server, create, variables.clone()).await;
    let made = &first["data"]["webhookSubscriptionCreate"];
    assert_eq!(made["userErrors"], json!([]));
    assert_eq!(made["webhookSubscription"]["topic"], "PRODUCTS_UPDATE");
    let again = graphql(&server, create, variables).await;
    let errors = &again["data"]["webhookSubscriptionCreate"]["userErrors"];
    assert_eq!(errors[0]["message"], "Address for this topic has already been taken");
    assert_eq!(errors[0]["field"], json!(["webhookSubscription", "callbackUrl"]));
    server.subscribe(None, "http://127.0.0.1:1/webhooks", &["products/create"]);
    let list = graphql(
        &server,
        "{ webhookSubscriptions(first: 5) { nodes { id uri } } }",
        json!({}),
    )
    .await;
    let nodes = list["data"]["webhookSubscriptions"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1, "those of the app's configuration stay hidden");
    assert_eq!(nodes[0]["id"], made["webhookSubscription"]["id"]);
    let scopes = graphql(
        &server,
        "{ currentAppInstallation { accessScopes { handle } } }",
        json!({}),
    )
    .await;
    assert_eq!(
        scopes["data"]["currentAppInstallation"]["accessScopes"][0]["handle"],
        "read_products"
    );
}
