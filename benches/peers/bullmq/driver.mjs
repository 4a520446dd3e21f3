// BullMQ behind stdin and stdout: a command in JSON on a line, its answer on a line. It takes the time itself, so that
// neither the pipe nor the making of a connection is counted.
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const NAME = 'peers';
const connection = { host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
const seconds = () => Number(process.hrtime.bigint()) / 1e9;

let queue;
let holding;

const commands = {
  /** A new queue on an empty Redis. */
  async open() {
    await holding?.close(true);
    holding = undefined;
    await queue?.close();
    queue = new Queue(NAME, { connection });
    await queue.waitUntilReady();
    return 0;
  },

  /** Adds jobs, so many calls at a time. The body is an object, which BullMQ writes as JSON. */
  async send({ messages, batch, outstanding, body }) {
    const data = JSON.parse(body);
    let sent = 0;
    const loop = async () => {
      while (sent < messages) {
        sent += batch;
        if (batch === 1) await queue.add('m', data);
        else await queue.addBulk(Array.from({ length: batch }, () => ({ name: 'm', data })));
      }
    };
    const started = seconds();
    await Promise.all(Array.from({ length: outstanding }, loop));
    return seconds() - started;
  },

  /** A worker that does nothing with each job; until the last one is completed and removed. */
  async complete({ messages, concurrency }) {
    const worker = newWorker(concurrency, async () => {});
    await worker.waitUntilReady();
    const taken = await new Promise((resolve, reject) => {
      let completed = 0;
      worker.on('completed', () => ++completed === messages && resolve(seconds() - started));
      worker.on('failed', (_, error) => reject(error));
      worker.on('error', reject);
      const started = seconds();
      worker.run().catch(reject);
    });
    await worker.close();
    const left = Object.values(await queue.getJobCounts()).reduce((sum, count) => sum + count, 0);
    if (left !== 0) throw new Error(`${left} jobs are left`);
    return taken;
  },

  /** Takes so many jobs and completes none, until the next `open`. */
  async hold({ messages }) {
    await new Promise((resolve, reject) => {
      let active = 0;
      holding = newWorker(messages, () => new Promise(() => ++active === messages && resolve()));
      holding.on('error', reject);
      holding.run().catch(reject);
    });
    return 0;
  },
};

function newWorker(concurrency, processor) {
  return new Worker(NAME, processor, { connection, concurrency, autorun: false, removeOnComplete: { count: 0 } });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...load } = JSON.parse(line);
  const answer = await commands[command](load).then(
    (taken) => ({ seconds: taken }),
    (error) => ({ error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
