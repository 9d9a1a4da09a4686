// The handler that the signer replaces: one route of an application server that verifies the caller's token and signs.
const { createHmac } = require('node:crypto');
const { createServer } = require('node:http');
const { verify } = require('jsonwebtoken');

const { CLERK_JWT_KEY, FILE_SIGNING_SECRET, PORT, PUBLIC_FILES_URL } = process.env;
const ROUTE = /^\/api\/files\/([A-Za-z0-9_-]{1,128})\/signed-url$/;
const DEFAULT_SECONDS = 3600;

function signed(fileId, userId, seconds) {
  const expires = Math.floor(Date.now() / 1000) + seconds;
  const signature = createHmac('sha256', FILE_SIGNING_SECRET).update(`${fileId}:${userId}:${expires}`).digest('hex');
  const query = new URLSearchParams({ user_id: userId, expires: String(expires), signature });
  return { url: `${PUBLIC_FILES_URL}/files/secure/${fileId}?${query}`, expires_at: new Date(expires * 1000).toISOString() };
}

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function sign(request, response, text) {
  const route = ROUTE.exec(request.url);
  if (!route || request.method !== 'POST') return answer(response, 404, { error: 'Not found' });
  try {
    const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const { sub } = verify(token, CLERK_JWT_KEY, { algorithms: ['RS256'], audience: 't2m-api', clockTolerance: 5 });
    const { expiresIn = DEFAULT_SECONDS } = text ? JSON.parse(text) : {};
    answer(response, 200, { success: true, data: signed(route[1], sub, expiresIn) });
  } catch {
    answer(response, 401, { error: 'Unauthorized' });
  }
}

createServer((request, response) => {
  if (request.url === '/healthz') return answer(response, 200, {});
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece)).on('end', () => sign(request, response, Buffer.concat(pieces).toString()));
}).listen(Number(PORT), '127.0.0.1');
