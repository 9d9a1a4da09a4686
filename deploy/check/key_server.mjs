// Serves the public key that signs users' tokens as Clerk serves its own, on every path, over TLS if a certificate is given:
//
//   node key_server.mjs <port> <certificate or ''> <its key or ''> <public key, PEM>
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';

const [port, cert, key, publicKey] = process.argv.slice(2);
const serve = (request, response) => {
  const jwk = createPublicKey(readFileSync(publicKey)).export({ format: 'jwk' });
  const set = { keys: [{ ...jwk, use: 'sig', alg: 'RS256', kid: 'check' }] };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(set));
};
const server = cert ? createServer({ cert: readFileSync(cert), key: readFileSync(key) }, serve) : createPlainServer(serve);
server.listen(Number(port), '127.0.0.1');
