// Prints tokens of one user, each under another key's name, that no key of ours has signed: node forged.mjs <how many>
import { randomBytes } from 'node:crypto';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = Math.floor(Date.now() / 1000);
const claims = base64url({ sub: 'user_0', aud: 't2m-api', iat: now, exp: now + 3600 });
for (let left = Number(process.argv[2]); left > 0; left -= 1) {
  const header = base64url({ alg: 'RS256', typ: 'JWT', kid: `forged-${left}` });
  console.log(`${header}.${claims}.${randomBytes(256).toString('base64url')}`);
}
