// Signed URLs from the secret, on a server. No browser may import this: whoever has the secret reads every file.
import { createHmac } from 'node:crypto';

const FILE_ID = /^[A-Za-z0-9_-]{1,128}$/;
const USER_ID = /^[A-Za-z0-9._@|-]{1,128}$/;
const KEY_ID = /^[A-Za-z0-9._-]{1,128}$/;
const LEAST_SECRET_BYTES = 32;

/**
 * @typedef {object} Keys
 * @property {string} secret signs version 1
 * @property {{ id: string, secret: string }} newest signs version 2
 */

/**
 * @typedef {object} WhatIsSigned
 * @property {string} fileId
 * @property {string} userId the file's owner
 * @property {number} expires Unix seconds
 */

/**
 * @typedef {object} WhatElseIsSigned
 * @property {number} issuedAt Unix seconds
 * @property {number} [notBefore] Unix seconds
 * @property {'inline' | 'attachment'} [disposition]
 * @property {string} [filename] what a browser saves it as
 * @property {string} [pathName] one more segment of the path, for players that look for an extension: clip.mp4
 */

/**
 * The keys of the services' own settings, read as they read them.
 * @param {{ FILE_SIGNING_SECRET?: string, FILE_SIGNING_KEYS?: string, ALLOW_SHORT_SIGNING_SECRET?: string }} settings such as process.env
 * @returns {Keys}
 */
export function keysOf({ FILE_SIGNING_SECRET: secret, FILE_SIGNING_KEYS: list, ALLOW_SHORT_SIGNING_SECRET: short }) {
  const ring = (list || '').split(',').filter(Boolean).map((entry) => {
    const colon = entry.indexOf(':');
    if (colon < 1) throw new TypeError('FILE_SIGNING_KEYS must be <key id>:<secret>, with commas between them');
    return { id: entry.slice(0, colon), secret: entry.slice(colon + 1) };
  });
  const first = secret || ring[0]?.secret;
  if (!first) throw new TypeError('FILE_SIGNING_SECRET or FILE_SIGNING_KEYS must be set');
  const newest = ring[0] ?? { id: 'default', secret: first };
  for (const one of [first, newest.secret]) {
    if (short !== 'true' && Buffer.byteLength(one) < LEAST_SECRET_BYTES) throw new TypeError('a signing secret must have at least 32 bytes');
  }
  return { secret: first, newest };
}

/**
 * Version 1, which every gateway takes.
 * @param {string | URL} base such as https://files.example.com
 * @param {string} secret
 * @param {WhatIsSigned} what
 * @returns {string}
 */
export function signV1(base, secret, what) {
  const { fileId, userId, expires } = checked(what);
  const signature = hmac(secret, `${fileId}:${userId}:${expires}`);
  return `${trimmed(base)}/files/secure/${fileId}?user_id=${encoded(userId)}&expires=${expires}&signature=${signature}`;
}

/**
 * Version 2: the path and every parameter are signed.
 * @param {string | URL} base such as https://files.example.com
 * @param {{ id: string, secret: string }} key
 * @param {WhatIsSigned & WhatElseIsSigned} what
 * @returns {string}
 */
export function signV2(base, key, what) {
  const { fileId, userId, expires } = checked(what);
  if (!KEY_ID.test(key.id)) throw new TypeError('a key id is 1 to 128 of A-Z, a-z, 0-9, ., _ and -');
  const path = `/files/secure/${fileId}${what.pathName === undefined ? '' : `/${encoded(what.pathName)}`}`;
  if (what.filename === '') throw new TypeError('filename must not be empty');
  const parameters = {
    v: '2', kid: key.id, user_id: userId, expires, iat: seconds(what.issuedAt, 'issuedAt'),
    nbf: what.notBefore === undefined ? undefined : seconds(what.notBefore, 'notBefore'),
    disposition: what.disposition, filename: what.filename,
  };
  const pairs = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encoded(String(value))}`]));
  const signature = hmac(key.secret, ['t2m-files-v2', path, ...[...pairs].sort()].map((line) => `${line}\n`).join(''));
  return `${trimmed(base)}${path}?${pairs.join('&')}&signature=${signature}`;
}

/** @param {WhatIsSigned} what */
function checked({ fileId, userId, expires }) {
  if (!FILE_ID.test(fileId)) throw new TypeError('a file id is 1 to 128 of A-Z, a-z, 0-9, _ and -');
  if (!USER_ID.test(userId) || userId === '.' || userId === '..') throw new TypeError('a user id is 1 to 128 of A-Z, a-z, 0-9, ., _, @, | and -');
  return { fileId, userId, expires: seconds(expires, 'expires') };
}

/** Milliseconds are the usual mistake: they would last for thousands of years. @param {number} value @param {string} name */
function seconds(value, name) {
  if (!Number.isSafeInteger(value) || value < 0 || value > 99_999_999_999) throw new TypeError(`${name} must be whole Unix seconds, not milliseconds`);
  return value;
}

/** Unreserved characters stay, all else is %XX (RFC 3986 section 2.3). @param {string} text */
function encoded(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** @param {string | URL} base */
function trimmed(base) {
  return String(base).replace(/\/+$/, '');
}

/** @param {string} secret @param {string} text */
function hmac(secret, text) {
  return createHmac('sha256', secret).update(text).digest('hex');
}
