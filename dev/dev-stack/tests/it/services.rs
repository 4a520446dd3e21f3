//! The private Postgres and Redis: where they are, and that they come back.

use dev_stack::home::Home;
use dev_stack::migrations;
use dev_stack::process::{Signal, send};
use dev_stack::services::{Durability, Services};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpStream;

use crate::bench::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_behind_is_taken_over() {
    let home = Home::numbered("bench").unwrap();
    let first = Services::start(&home, Durability::Durable, false).await.unwrap();
    first.postgres.create_database("kept").await.unwrap();
    let mut connection = PgConnection::connect(&first.postgres.url("kept")).await.unwrap();
    sqlx::raw_sql("create table if not exists t (x int); insert into t values (1)")
        .execute(&mut connection)
        .await
        .unwrap();
    // As a killed run does: nobody stops them, and here they even go on.
    std::mem::forget(first);
    let second = Services::start(&home, Durability::Durable, false).await.unwrap();
    let mut connection = PgConnection::connect(&second.postgres.url("kept")).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from t")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(rows >= 1);
    drop(connection);
    second.postgres.drop_database("kept").await.unwrap();
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migrations_apply_twice() {
    let home = Home::numbered("bench").unwrap();
    let services = Services::start(&home, Durability::Disposable, true).await.unwrap();
    services.postgres.drop_database("schema").await.unwrap();
    services.postgres.create_database("schema").await.unwrap();
    for _ in 0..2 {
        migrations::apply(&home.root, &services.postgres.url("schema"))
            .await
            .unwrap();
    }
    services.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_comes_back_on_its_port() {
    let home = Home::numbered("bench").unwrap();
    let mut services = Services::start(&home, Durability::Disposable, true).await.unwrap();
    let port = services.redis.port();
    services.redis.stop().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    services.redis.resume().await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    services.stop().await;
    eventually("the port is free", async || {
        TcpStream::connect(("127.0.0.1", port)).await.is_err()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_used_by_one_run_at_a_time() {
    let first = Home::numbered("bench").unwrap();
    let second = Home::numbered("bench").unwrap();
    assert_ne!(first.dir, second.dir);
}

#[tokio::test]
async fn a_number_that_is_somebody_elses_process_is_left_alone() {
    let mut other = tokio::process::Command::new("sleep").arg("60").spawn().unwrap();
    let pid = other.id().unwrap();
    dev_stack::process::stop_leftover(pid, Signal::TERM, |command, _| command.contains("postgres")).await;
    assert!(other.try_wait().unwrap().is_none());
    send(pid, Signal::KILL);
    other.wait().await.unwrap();
}
