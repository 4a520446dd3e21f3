// An import as it is commonly written for Node: a BullMQ job that reads the file line by line and upserts row by row.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { Queue, QueueEvents, Worker } from 'bullmq';
import pg from 'pg';

const { DATABASE_URL, FILE_URL, REDIS_HOST, REDIS_PORT, REDIS_URL } = process.env;
const connection = REDIS_URL ? { url: REDIS_URL } : { host: REDIS_HOST, port: Number(REDIS_PORT) };
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2 });

await pool.query(`
  create schema node;
  create table node.products (
    id bigint primary key, title text, handle text, status text, vendor text, updated_at timestamptz, payload jsonb);
  create table node.product_variants (
    id bigint primary key, product_id bigint, sku text, price numeric, updated_at timestamptz, payload jsonb);
  create table node.others (
    id bigint primary key, parent_id bigint, updated_at timestamptz, payload jsonb)`);

const PRODUCT = `
  insert into node.products (id, title, handle, status, vendor, updated_at, payload) values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (id) do update set title = excluded.title, handle = excluded.handle, status = excluded.status,
    vendor = excluded.vendor, updated_at = excluded.updated_at, payload = excluded.payload
  where products.updated_at < excluded.updated_at`;
const VARIANT = `
  insert into node.product_variants (id, product_id, sku, price, updated_at, payload) values ($1, $2, $3, $4, $5, $6)
  on conflict (id) do update set product_id = excluded.product_id, sku = excluded.sku, price = excluded.price,
    updated_at = excluded.updated_at, payload = excluded.payload
  where product_variants.updated_at < excluded.updated_at`;
const OTHER = `
  insert into node.others (id, parent_id, updated_at, payload) values ($1, $2, $3, $4)
  on conflict (id) do update set parent_id = excluded.parent_id, updated_at = excluded.updated_at,
    payload = excluded.payload
  where others.updated_at < excluded.updated_at`;

const number = (gid) => gid && gid.slice(gid.lastIndexOf('/') + 1);

async function upsert(text) {
  const line = JSON.parse(text);
  const id = number(line.id);
  const parent = number(line.__parentId);
  switch (line.__typename) {
    case 'Product':
      return pool.query(PRODUCT, [id, line.title, line.handle, line.status, line.vendor, line.updatedAt, text]);
    case 'ProductVariant':
      return pool.query(VARIANT, [id, parent, line.sku, line.price, line.updatedAt, text]);
    default:
      return pool.query(OTHER, [id, parent, line.updatedAt, text]);
  }
}

const name = `import-${process.pid}`;
const worker = new Worker(
  name,
  async (job) => {
    const response = await fetch(job.data.url);
    for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) await upsert(line);
  },
  { connection, lockDuration: 3_600_000 },
);
const queue = new Queue(name, { connection });
const events = new QueueEvents(name, { connection });
await events.waitUntilReady();

async function load() {
  const begin = performance.now();
  const job = await queue.add('import', { url: FILE_URL }, { removeOnComplete: true });
  await job.waitUntilFinished(events);
  return (performance.now() - begin) / 1_000;
}

const first = await load();
const again = await load();
const { rows } = await pool.query(`
  select (select count(*) from node.products) + (select count(*) from node.product_variants)
    + (select count(*) from node.others) as rows`);
// The maxRSS of a child counts what its parent had when it was forked; this does not.
const peak_kb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
console.log(JSON.stringify({ first, again, rows: Number(rows[0].rows), peak_kb }));
await worker.close();
await events.close();
await queue.obliterate({ force: true });
await queue.close();
await pool.end();
