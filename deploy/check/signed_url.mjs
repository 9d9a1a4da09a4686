// An issuer that is not ours: Node's own createHmac. Prints a signed URL, with the secrets taken from the environment:
//   node signed_url.mjs v1|v2 <base URL> <file id> <user id>
import { createHmac } from 'node:crypto';

const [version, base, fileId, user] = process.argv.slice(2);
const hmac = (secret, text) => createHmac('sha256', secret).update(text).digest('hex');
const now = Math.floor(Date.now() / 1000);
const expires = now + 3600;
const path = `/files/secure/${fileId}`;

function v1() {
  const signature = hmac(process.env.FILE_SIGNING_SECRET, `${fileId}:${user}:${expires}`);
  return `user_id=${user}&expires=${expires}&signature=${signature}`;
}

function v2() {
  const [kid, secret] = process.env.FILE_SIGNING_KEYS.split(',')[0].split(/:(.*)/s);
  const pairs = ['disposition=inline', `expires=${expires}`, `iat=${now}`, `kid=${kid}`, `user_id=${user}`, 'v=2'];
  const signature = hmac(secret, ['t2m-files-v2', path, ...pairs].map((line) => `${line}\n`).join(''));
  return `${pairs.join('&')}&signature=${signature}`;
}

console.log(`${base}${path}?${version === 'v2' ? v2() : v1()}`);
