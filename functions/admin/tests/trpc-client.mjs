// node trpc-client.mjs PACKAGES URL ADMIN_TOKEN SHOP ACCESS_TOKEN: what an application does with the stock client.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [packages, url, token, shop, accessToken] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } = await import(
  pathToFileURL(require.resolve('@trpc/client')).href
);

const headers = { authorization: `Bearer ${token}` };
const trpc = createTRPCClient({ links: [httpBatchLink({ url, headers })] });

assert.equal((await trpc.shops.add.mutate({ shop, accessToken })).shop, shop);
const { jobId } = await trpc.shopify.bulkImport.mutate({ shop, kinds: ['products'] });
assert.match(jobId, /^[0-9a-f-]{36}$/);

// Two queries of one tick are one request.
const unknown = '00000000-0000-0000-0000-000000000000';
const [job, missing] = await Promise.allSettled([
  trpc.sync.job.query({ jobId }),
  trpc.sync.job.query({ jobId: unknown }),
]);
assert.equal(job.value.status, 'queued');
assert.ok(missing.reason instanceof TRPCClientError);
assert.equal(missing.reason.data.code, 'NOT_FOUND');
assert.match(missing.reason.message, /there is no import/);

// What customers asked to know.
assert.deepEqual(await trpc.privacy.requests.query({ shop }), []);
await assert.rejects(trpc.privacy.export.query({ shop, requestId: '1' }), (error) => error.data.code === 'NOT_FOUND');

// Without batching, and without a token.
const single = createTRPCClient({ links: [httpLink({ url, headers })] });
assert.equal((await single.sync.job.query({ jobId })).shop, shop);
const stranger = createTRPCClient({ links: [httpLink({ url })] });
await assert.rejects(stranger.shopify.bulkImport.mutate({ shop }), (error) => error.data.code === 'UNAUTHORIZED');
