// Sends a message as Clerk does, signed by Svix's own library, and prints the status and what it did:
//
//   NODE_PACKAGES=<folder> WEBHOOK_SECRET=whsec_... [WEBHOOK_ID=msg_...] \
//     node webhook.mjs <URL> <type> <user id> <unix milliseconds> [fields of the user, JSON]
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { Webhook } = createRequire(join(process.env.NODE_PACKAGES, 'x'))('svix');
const [url, type, user, at, fields = '{}'] = process.argv.slice(2);
const id = process.env.WEBHOOK_ID ?? `msg_${randomUUID().replaceAll('-', '')}`;
const data = { id: user, object: 'user', ...JSON.parse(fields) };
const body = JSON.stringify({ data, object: 'event', type, timestamp: Number(at) });
const sentAt = new Date();
const headers = {
  'content-type': 'application/json',
  'svix-id': id,
  'svix-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
  'svix-signature': new Webhook(process.env.WEBHOOK_SECRET).sign(id, sentAt, body),
};
const answer = await fetch(url, { method: 'POST', headers, body });
const said = await answer.json();
console.log(answer.status, said.data?.result ?? said.code);
