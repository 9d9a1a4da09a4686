// Serves the public key that signs users' tokens as Clerk serves its own, over TLS, on every path:
//
//   node key_server.mjs <port> <certificate> <its key> <public key, PEM>
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, cert, key, publicKey] = process.argv.slice(2);
createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  const jwk = createPublicKey(readFileSync(publicKey)).export({ format: 'jwk' });
  const set = { keys: [{ ...jwk, use: 'sig', alg: 'RS256', kid: 'check' }] };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(set));
}).listen(Number(port), '127.0.0.1');
