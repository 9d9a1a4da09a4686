// What comes with bad links and forged tokens, and what each must be told.
import encoding from 'k6/encoding';
import http from 'k6/http';
import { Rate } from 'k6/metrics';
import { tokens } from './api.js';
import { mine, required } from './settings.js';

const apis = required('API');
const answered = new Rate('attacks_answered_rightly');

const base64url = (value) => encoding.b64encode(JSON.stringify(value), 'rawurl');
const hex = (length) => Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('');
const [realHead, realClaims, realSignature] = tokens[0].split('.');
const claims = { sub: 'user_mallory', aud: 't2m-api', iat: 0, exp: 4_000_000_000 };

/** Changes to a good link: the code that each gets. */
const links = [
  [(url) => url.replace(/signature=[^&]+/, `signature=${hex(64)}`), 403, 'bad_signature'],
  [(url) => url.replace(/user_id=[^&]+/, 'user_id=user_mallory'), 403, 'bad_signature'],
  [(url, other) => url.replace(/secure\/[^?]+/, `secure/${other.id}`), 403, 'bad_signature'],
  [(url) => url.replace(/expires=\d+/, 'expires=1700000000'), 410, 'expired'],
  [(url) => url.replace(/expires=/, 'expires=%2B'), 400, 'malformed'],
  [(url) => url.replace(/&signature=[^&]+/, ''), 400, 'malformed'],
  [(url) => `${url}&signature=${hex(64)}`, 400, 'malformed'],
  [(url) => url.replace(/secure\/[^?]+/, 'secure/..%2f..%2fetc%2fpasswd'), 400, 'malformed'],
];

/** Tokens that nobody issued. */
const forgeries = [
  () => `${realHead}.${base64url({ ...claims })}.${realSignature}`,
  () => `${realHead}.${realClaims}.${encoding.b64encode(hex(256), 'rawurl')}`,
  () => `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(claims)}.`,
  () => `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}.${encoding.b64encode(hex(32), 'rawurl')}`,
  () => 'a.b.c',
];

const anyOf = (entries) => entries[Math.floor(Math.random() * entries.length)];

/** One attack: as many at links as at the API. */
export function attack(films) {
  if (Math.random() < 0.5) badLink(films);
  else forgedToken(films[0]);
}

function badLink([film, other]) {
  const [change, status, code] = anyOf(links);
  judge(http.get(change(film.url, other), { tags: { name: code } }), [[status, code]]);
}

/** Past what one address may ask without an identity, it is told to wait. */
function forgedToken({ id }) {
  const answer = http.post(`${mine(apis)}/files/${id}/signed-url`, '{}', {
    headers: { Authorization: `Bearer ${anyOf(forgeries)()}`, 'Content-Type': 'application/json' },
    tags: { name: 'forged' },
  });
  judge(answer, [[401, 'token_invalid'], [429, 'rate_limited']]);
}

function judge(answer, allowed) {
  const is = [answer.status, answer.status === 0 ? `error ${answer.error_code}` : answer.json('code')];
  const isRight = allowed.some(([status, code]) => status === is[0] && code === is[1]);
  answered.add(isRight);
  if (!isRight) console.error(`${is.join(' ')} where ${allowed[0].join(' ')} was due`);
}
