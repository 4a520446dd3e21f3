//! Behind PgBouncer in transaction pooling: no statement has a name that the next server would not know, and nothing is
//! kept in a session.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use shared::store::{Settings, Store, member_sets, sync_jobs};
use sqlx::PgPool;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::mirror_support::{apply_all, delivery, live_products, product, rows, store_with_shop};

const DEBIAN: &str = "/usr/sbin/pgbouncer";

/// A PgBouncer with two servers for any number of clients. It ends with this value.
struct Pooler {
    port: u16,
    folder: PathBuf,
    _child: Child,
}

impl Pooler {
    async fn start(pool: &PgPool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Readable by whoever PgBouncer runs as: it refuses to run as root.
        let folder = std::env::temp_dir().join(format!("mercury-pooler-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        let file = folder.join("pgbouncer.ini");
        let options = pool.connect_options();
        let password = password(pool)
            .map(|password| format!(" password={password}"))
            .unwrap_or_default();
        let settings = format!(
            "[databases]\n* = host={} port={} user={}{password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n",
            options.get_host(),
            options.get_port(),
            options.get_username(),
        );
        std::fs::write(&file, settings).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
        // Debian keeps it where only root looks.
        let program = if Path::new(DEBIAN).exists() {
            DEBIAN
        } else {
            "pgbouncer"
        };
        let mut command = if is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", program]);
            command
        } else {
            Command::new(program)
        };
        let child = command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("pgbouncer is not installed: run `make setup`");
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self {
                    port,
                    folder,
                    _child: child,
                };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("pgbouncer does not listen: run `make setup`");
    }

    /// Many connections, so that two transactions of one rarely meet the same server.
    fn store(&self, pool: &PgPool) -> Store {
        let database = pool.connect_options().get_database().unwrap().to_owned();
        let url = format!("postgres://anybody:x@127.0.0.1:{}/{database}", self.port);
        Store::new(&Settings {
            url,
            max_connections: 6,
        })
        .unwrap()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The password of the test's database, if it has one.
fn password(pool: &PgPool) -> Option<String> {
    use sqlx::ConnectOptions;
    pool.connect_options().to_url_lossy().password().map(str::to_owned)
}

#[sqlx::test(migrator = "shared::store::MIGRATOR")]
async fn everything_works_behind_a_pooler(pool: PgPool) {
    let (_, shop_id) = store_with_shop(pool.clone()).await;
    let pooler = Pooler::start(&pool).await;
    let store = pooler.store(&pool);
    let deliveries = |from: i64| {
        let store = store.clone();
        async move {
            for id in from..from + 20 {
                let body = product(id, "x", 10.0, &[(id * 10, "1.00")], &[id * 10]);
                apply_all(&store, &[delivery("products/create", &body, 10.5)]).await;
            }
        }
    };
    // Side by side, so that the servers change hands between any two transactions.
    tokio::join!(
        deliveries(1),
        deliveries(101),
        deliveries(201),
        deliveries(301),
        deliveries(401)
    );
    apply_all(&store, &[delivery("products/delete", &json!({ "id": 1 }), 20.0)]).await;
    assert_eq!(live_products(&pool).await.len(), 99);

    let mut tx = store.begin().await.unwrap();
    let job_id = Uuid::now_v7();
    sync_jobs::create(
        &mut tx,
        job_id,
        shop_id,
        &["products".to_owned()],
        &["products".to_owned()],
    )
    .await
    .unwrap();
    sync_jobs::progress(&mut tx, job_id).await.unwrap().unwrap();
    member_sets::settle(&mut tx, shop_id, chrono::DateTime::UNIX_EPOCH)
        .await
        .unwrap();
    shared::store::commit(tx).await.unwrap();
    assert_eq!(rows(&pool, "select count(*)::text from sync_jobs").await, ["1"]);
}
