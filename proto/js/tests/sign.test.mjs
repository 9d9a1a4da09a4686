// node --test proto/js/tests/sign.test.mjs
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { keysOf, signV1, signV2 } from 't2m-files/sign';

const vectors = JSON.parse(readFileSync(new URL('../../tests/vectors.json', import.meta.url), 'utf8'));
const BASE = 'https://files.example.com';
const LONG = 'a secret of more than thirty-two bytes';
const one = { fileId: 'file_1', userId: 'user_1', expires: 1_900_000_000 };

test('version 1 is signed as the golden vectors have it', () => {
  for (const { file_id: fileId, user_id: userId, expires, target } of vectors.v1) {
    if (Number(expires) > 99_999_999_999) continue; // taken for milliseconds
    assert.equal(signV1(BASE, vectors.secret, { fileId, userId, expires: Number(expires) }), BASE + target);
  }
});

test('version 2 is signed as the golden vectors have it, in whatever order its parameters stand', () => {
  const key = { id: 'k2', secret: vectors.keys.k2 };
  const plain = signV2(BASE, key, { ...one, issuedAt: 1_800_000_000 });
  assert.equal(signatureOf(plain), vectors.v2[0].signature);
  const whole = { ...one, issuedAt: 1_800_000_000, notBefore: 1_800_000_100, disposition: 'inline', filename: 'holiday été.mp4' };
  assert.equal(signatureOf(signV2(BASE, key, whole)), vectors.v2[1].signature);
});

test('a base may end in slashes and have a mount prefix', () => {
  assert.match(signV1('https://example.com/api/v1//', LONG, one), /^https:\/\/example\.com\/api\/v1\/files\/secure\/file_1\?/);
});

test('characters that encodeURIComponent leaves alone are encoded: the gateway takes unreserved ones only', () => {
  const url = signV2(BASE, { id: 'k2', secret: LONG }, { ...one, issuedAt: 1, filename: "it's (a) *!.mp4", pathName: 'a!.mp4' });
  assert.ok(url.includes('filename=it%27s%20%28a%29%20%2A%21.mp4'));
  assert.ok(url.includes('/files/secure/file_1/a%21.mp4?'));
});

test('what has two readings is never signed', () => {
  for (const fileId of ['', 'a:b', 'a/b', '..', 'é', 'a'.repeat(129)]) {
    assert.throws(() => signV1(BASE, LONG, { ...one, fileId }), /a file id/, JSON.stringify(fileId));
  }
  for (const userId of ['', 'b:c', 'a b', '.', '..', 'u'.repeat(129)]) {
    assert.throws(() => signV1(BASE, LONG, { ...one, userId }), /a user id/, JSON.stringify(userId));
  }
  for (const expires of [Date.now(), 1.5, -1, Number.NaN, '1900000000']) {
    assert.throws(() => signV1(BASE, LONG, { ...one, expires }), /whole Unix seconds/, String(expires));
  }
  assert.throws(() => signV2(BASE, { id: 'a:b', secret: LONG }, { ...one, issuedAt: 1 }), /a key id/);
  assert.throws(() => signV2(BASE, { id: 'k', secret: LONG }, { ...one, issuedAt: 1, filename: '' }), /filename/);
});

test('keys are read as the services read them', () => {
  const [a, b] = [`a${LONG}`, `b:${LONG}`];
  assert.deepEqual(keysOf({ FILE_SIGNING_SECRET: a }), { secret: a, newest: { id: 'default', secret: a } });
  assert.deepEqual(keysOf({ FILE_SIGNING_KEYS: `k2:${b},k1:${a}` }), { secret: b, newest: { id: 'k2', secret: b } });
  assert.deepEqual(keysOf({ FILE_SIGNING_SECRET: a, FILE_SIGNING_KEYS: `k2:${b}` }), { secret: a, newest: { id: 'k2', secret: b } });
});

test('no secret, a short one and an entry without an id are refused', () => {
  assert.throws(() => keysOf({}), /must be set/);
  assert.throws(() => keysOf({ FILE_SIGNING_SECRET: 'short' }), /32 bytes/);
  assert.equal(keysOf({ FILE_SIGNING_SECRET: 'short', ALLOW_SHORT_SIGNING_SECRET: 'true' }).secret, 'short');
  assert.throws(() => keysOf({ FILE_SIGNING_KEYS: LONG }), /<key id>:<secret>/);
});

test('a bundler that builds for browsers gets an error in the place of the signing module', async () => {
  await assert.rejects(import('../not-in-a-browser.js'), /a browser must never have/);
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.equal(exports['./sign'].browser, './not-in-a-browser.js');
});

function signatureOf(url) {
  return new URL(url).searchParams.get('signature');
}
