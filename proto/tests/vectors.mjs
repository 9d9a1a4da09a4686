// Golden vectors for issuers in other languages: how Node's own `createHmac` signs both versions.
//
//   node proto/tests/vectors.mjs > proto/tests/vectors.json
//
// An issuer in another language is right when it gives these signatures for these inputs. `string_to_sign` is
// what enters HMAC-SHA256 (keyed by the UTF-8 bytes of the secret's text), `target` what follows the base URL.
import { createHmac } from 'node:crypto';

const secret = 'an example secret of forty-two characters!';
const k2 = 'the second key, also longer than thirty-two bytes';
const sign = (key, text) => createHmac('sha256', key).update(text).digest('hex');

// Version 1: "<file_id>:<user_id>:<expires>", the decoded values.
function v1([file_id, user_id, expires]) {
  const string_to_sign = `${file_id}:${user_id}:${expires}`;
  const signature = sign(secret, string_to_sign);
  const query = `user_id=${encodeURIComponent(user_id)}&expires=${expires}&signature=${signature}`;
  return { file_id, user_id, expires, string_to_sign, signature, target: `/files/secure/${file_id}?${query}` };
}

// Version 2: a fixed line, the path, then every parameter by name, each as it stands on the wire.
function v2(path, pairs) {
  const byName = [...pairs].sort();
  const string_to_sign = ['t2m-files-v2', path, ...byName].map((line) => `${line}\n`).join('');
  const signature = sign(k2, string_to_sign);
  return { string_to_sign, signature, target: `${path}?${pairs.join('&')}&signature=${signature}` };
}

const one = [
  ['file_1', 'user_2abcDEF', '1900000000'],
  ['0190a1b2c3d47e5f8a9b0c1d2e3f4a5b', 'user_2NNEqL2nrIRdJ194ndJqAHwEfxC', '1767225600'],
  ['a', 'b', '1'],
  ['A-_z9', 'someone@example.com', '4102444800'],
  ['f'.repeat(128), 'u'.repeat(128), '999999999999999'],
  ['x', 'auth0|abc.def-1', '1900000000'],
];
const two = [
  ['v=2', 'kid=k2', 'user_id=user_1', 'expires=1900000000', 'iat=1800000000'],
  ['user_id=user_1', 'expires=1900000000', 'disposition=inline', 'filename=holiday%20%C3%A9t%C3%A9.mp4', 'v=2', 'kid=k2',
    'iat=1800000000', 'nbf=1800000100'],
];
const vectors = { secret, keys: { k2 }, v1: one.map(v1), v2: two.map((pairs) => v2('/files/secure/file_1', pairs)) };
console.log(JSON.stringify(vectors, null, 1));
