// Prints a session token as Clerk signs them (RS256): node token.mjs <private key, PEM> <user id> [role [tier]]
import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [keyFile, user, role, tier] = process.argv.slice(2);
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = Math.floor(Date.now() / 1000);
const claims = { sub: user, aud: 't2m-api', iat: now, nbf: now - 5, exp: now + 3600, role, subscription_tier: tier };
const unsigned = `${base64url({ alg: 'RS256', typ: 'JWT', kid: 'check' })}.${base64url(claims)}`;
console.log(`${unsigned}.${createSign('RSA-SHA256').update(unsigned).sign(readFileSync(keyFile), 'base64url')}`);
