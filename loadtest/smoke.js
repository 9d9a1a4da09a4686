// Whether a service answers as it should, once: k6 run -e API=https://api.example.com/api -e TOKEN=... loadtest/smoke.js
import { check, sleep } from 'k6';
import http from 'k6/http';
import { remove, signedUrl, storeFilm, tokens } from './k6/api.js';
import { firstWrongByte } from './k6/film.js';
import { required } from './k6/settings.js';
import { shared, summary } from './k6/summary.js';

const api = required('API')[0];
const DELETED_WITHIN_SECONDS = 2;
/** For a poll, on a busy machine. */
const SPARE_SECONDS = 3;

export const options = {
  ...shared,
  scenarios: { smoke: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } },
  thresholds: { checks: ['rate==1'], signs_failed: ['rate==0'] },
};

export const setup = () => storeFilm(tokens[0], 1, 1);

export default (film) => {
  health();
  identity(film);
  const url = signedUrl(film);
  if (url === null) return;
  ranges(url, film);
  conditions(url, film);
  pages(url, film);
  refusals(url, film);
  deletion(url, film);
};

export const handleSummary = summary('smoke', { needed: ['checks', 'signing'] });

function ask(method, url, headers = {}, name = 'file') {
  return http.request(method, url, null, { headers, tags: { name }, responseType: name === 'bytes' ? 'binary' : 'text' });
}

const says = (answer, status, code) => answer.status === status && answer.json('code') === code;

function health() {
  ['auth', 'system'].forEach((part) =>
    check(ask('GET', `${api}/${part}/health`, {}, 'health'), { [`${part} is healthy`]: ({ status }) => status === 200 }),
  );
}

function identity({ id }) {
  const of = (headers) => ask('GET', `${api}/files/${id}`, headers, 'api');
  const [head, claims] = tokens[0].split('.');
  check(of({}), { 'no token: token_missing': (it) => says(it, 401, 'token_missing') });
  check(of({ Authorization: `Bearer ${head}.${claims}.${'A'.repeat(342)}` }), {
    'a forged token: token_invalid': (it) => says(it, 401, 'token_invalid'),
  });
  check(of({ Authorization: `Bearer ${tokens[0]}` }), { 'the owner sees the file': (it) => it.status === 200 });
}

function ranges(url, film) {
  const end = film.size - 1;
  const table = { 'bytes=0-1': [0, 1], 'bytes=0-': [0, end], 'bytes=-5': [end - 4, end], 'bytes=4090-99999999': [4090, end] };
  Object.entries(table).forEach(([range, [first, last]]) =>
    check(ask('GET', url, { Range: range }, 'bytes'), {
      [`${range}: 206, those bytes`]: (it) => it.status === 206 && isPart(it, film, first, last),
    }),
  );
  check(ask('GET', url, { Range: `bytes=${film.size}-` }), {
    'past the end: 416 with the size': (it) => it.status === 416 && it.headers['Content-Range'] === `bytes */${film.size}`,
  });
}

function isPart({ body, headers }, film, first, last) {
  const isSo = headers['Content-Range'] === `bytes ${first}-${last}/${film.size}` && body.byteLength === last - first + 1;
  return isSo && firstWrongByte(film, first, body) === null;
}

function conditions(url, film) {
  const head = ask('HEAD', url);
  const etag = head.headers.Etag;
  check(head, { 'HEAD: the length': (it) => it.status === 200 && it.headers['Content-Length'] === String(film.size) });
  check(etag, { 'a strong ETag': (it) => /^"[^"]+"$/.test(it) });
  const status = (headers) => ask('GET', url, headers).status;
  check(null, {
    'If-Range with its ETag: 206': () => status({ Range: 'bytes=0-1', 'If-Range': etag }) === 206,
    'If-Range with another: 200': () => status({ Range: 'bytes=0-1', 'If-Range': '"other"' }) === 200,
    'If-None-Match: 304': () => status({ 'If-None-Match': etag }) === 304,
    'If-Match with another: 412': () => status({ 'If-Match': '"other"' }) === 412,
  });
}

function pages(url) {
  check(ask('OPTIONS', url, { Origin: 'https://page.example', 'Access-Control-Request-Method': 'GET' }), {
    'a preflight: 204': ({ status }) => status === 204,
  });
  check(ask('GET', url, { Origin: 'https://page.example', Range: 'bytes=0-1' }), {
    'a page may read it': ({ headers }) => 'Access-Control-Allow-Origin' in headers,
    'and see the range': ({ headers }) => (headers['Access-Control-Expose-Headers'] ?? '').includes('Content-Range'),
  });
}

function refusals(url) {
  const changed = (from, to) => ask('GET', url.replace(from, to));
  check(null, {
    'another signature: bad_signature': () => says(changed(/signature=.*/, `signature=${'0'.repeat(64)}`), 403, 'bad_signature'),
    'no signature: malformed': () => says(changed(/&signature=.*/, ''), 400, 'malformed'),
    'long ago: expired': () => says(changed(/expires=\d+/, 'expires=1'), 410, 'expired'),
    'POST: 405': () => ask('POST', url).status === 405,
  });
}

function deletion(url, film) {
  remove([film]);
  const deadline = Date.now() + (DELETED_WITHIN_SECONDS + SPARE_SECONDS) * 1000;
  let answer = ask('GET', url);
  while (answer.status !== 404 && Date.now() < deadline) {
    sleep(0.1);
    answer = ask('GET', url);
  }
  check(answer, { 'a deleted file: not_found': (it) => says(it, 404, 'not_found') });
}
