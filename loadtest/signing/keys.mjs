// Serves a public key as Clerk does, on every path: node keys.mjs <port> <public key, PEM>
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, file] = process.argv.slice(2);
const jwk = createPublicKey(readFileSync(file)).export({ format: 'jwk' });
const set = JSON.stringify({ keys: [{ ...jwk, use: 'sig', alg: 'RS256', kid: 'check' }] });
createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(set)).listen(Number(port), '127.0.0.1');
