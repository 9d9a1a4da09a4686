// A handler as the services replace it: signs links with a secret of its own, and sends files of a folder to whoever has one.
// Its table of files is the one that is imported.
//   PORT=... BASE=... FILES=... TABLE=... FILE_SIGNING_SECRET=... node handler.mjs
import { createHmac } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';

const { BASE, FILES, FILE_SIGNING_SECRET, PORT, TABLE } = process.env;
const rows = readFileSync(TABLE, 'utf8').trim().split('\n').slice(1).map(fields);
const table = new Map(rows.map(([id, path, user]) => [id, { path, user }]));

function fields(row) {
  return [...row.matchAll(/("((?:[^"]|"")*)"|[^,]*)(,|$)/g)].map(([, plain, quoted]) => quoted?.replaceAll('""', '"') ?? plain);
}

function signature(id, user, expires) {
  return createHmac('sha256', FILE_SIGNING_SECRET).update(`${id}:${user}:${expires}`).digest('hex');
}

// Stands for an application server that has verified the token.
function userOf(request) {
  const token = request.headers.authorization.replace(/^Bearer /, '');
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub;
}

function issue(request, id) {
  const [user, expires] = [userOf(request), Math.floor(Date.now() / 1000) + 3600];
  const query = new URLSearchParams({ user_id: user, expires, signature: signature(id, user, expires) });
  return { success: true, data: { url: `${BASE}/files/secure/${id}?${query}` } };
}

function send(response, id, query) {
  const [user, expires] = [query.get('user_id'), query.get('expires')];
  const file = table.get(id);
  if (Number(expires) < Date.now() / 1000) return response.writeHead(410).end();
  if (query.get('signature') !== signature(id, user, expires)) return response.writeHead(403).end();
  if (file?.user !== user) return response.writeHead(404).end();
  const path = `${FILES}/${file.path}`;
  response.writeHead(200, { 'Content-Length': statSync(path).size });
  createReadStream(path).pipe(response);
}

createServer((request, response) => {
  response.setHeader('X-Served-By', 'handler');
  const url = new URL(request.url, BASE);
  const [, link] = /^\/api\/(?:v1\/)?files\/secure\/([\w-]+)$/.exec(url.pathname) ?? [];
  const [, wanted] = /^\/api\/(?:v1\/)?files\/([\w-]+)\/signed-url$/.exec(url.pathname) ?? [];
  if (link) return send(response, link, url.searchParams);
  if (wanted && request.method === 'POST') return response.end(JSON.stringify(issue(request, wanted)));
  response.writeHead(url.pathname === '/healthz' ? 200 : 404).end('{}');
}).listen(Number(PORT), '127.0.0.1');
