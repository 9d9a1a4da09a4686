// Thousands of tokens, judged by the signer's code and by Clerk's own library:
//
//   NODE_PACKAGES=<folder> node compare.mjs <the signer's judge> <folder for the key> [seed]
//
// Nothing that Clerk refuses may be accepted. What Clerk accepts and the signer refuses must be in the written list,
// and every line of the list must have been met.
import { spawnSync } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { APP, AUDIENCE, ISSUER, base64url, mutations as mutationsAt } from './mutations.mjs';
import { stricter } from './stricter.mjs';

const { verifyToken } = createRequire(join(process.env.NODE_PACKAGES, 'x'))('@clerk/backend');
const [judge, folder, seed = '1'] = process.argv.slice(2);
const NOW = 1_900_000_000;
const RANDOM_TOKENS = 6000;
const RULES = [
  { audience: AUDIENCE, parties: [] },
  { audience: AUDIENCE, parties: [APP, 'https://other.example'] },
  { audience: AUDIENCE, parties: [APP], issuer: ISSUER },
];
// Clerk's library takes the time from here.
Date.now = () => NOW * 1000;

const keyPair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  return { privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }), publicPem, jwk: publicKey.export({ format: 'jwk' }) };
};
const [ours, other] = [keyPair(), keyPair()];
const mutations = mutationsAt(NOW, ours, other);
const labels = Object.keys(mutations);
const random = mulberry32(Number(seed));
const pick = (values) => values[Math.floor(random() * values.length)];

function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function made(applied) {
  const draft = {
    header: { alg: 'RS256', typ: 'JWT', kid: 'ins_1' },
    claims: { sub: 'user_1', sid: 'sess_1', iss: ISSUER, aud: AUDIENCE, azp: APP, iat: NOW - 10, nbf: NOW - 20, exp: NOW + 60 },
    texts: { header: [], claims: [] },
    wraps: [],
    sign: (text) => createSign('RSA-SHA256').update(text).sign(ours.privatePem, 'base64url'),
  };
  for (const label of applied) mutations[label](draft, pick, random);
  const encoded = ['header', 'claims'].map((name) => {
    const text = draft.texts[name].reduce((text, change) => change(text), JSON.stringify(draft[name]));
    const encoded = base64url(text);
    return draft.padded ? encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=') : encoded;
  });
  const unsigned = encoded.join('.');
  return draft.wraps.reduce((token, change) => change(token), `${unsigned}.${draft.sign(unsigned)}`);
}

function* cases() {
  for (const rules of RULES) {
    // Often enough for each value that a mutation picks from.
    for (const label of labels) for (let n = 0; n < 12; n++) yield { rules, applied: [label], token: made([label]) };
  }
  for (let n = 0; n < RANDOM_TOKENS; n++) {
    const applied = [...new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(labels)))];
    yield { rules: pick(RULES), applied, token: made(applied) };
  }
}

async function clerk({ token, rules }) {
  const { audience, parties, issuer } = rules;
  try {
    const { sub } = await verifyToken(token, { jwtKey: ours.publicPem, audience, authorizedParties: parties, issuer });
    return { accepts: true, sub };
  } catch (error) {
    return { accepts: false, why: error.reason ?? error.name };
  }
}

function signer(all) {
  const key = join(folder, 'token-key.pem');
  writeFileSync(key, ours.publicPem);
  const input = all.map(({ token, rules }) => `${JSON.stringify({ token, ...rules })}\n`).join('');
  const run = spawnSync(judge, [key, String(NOW)], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`the judge ended with ${run.status}: ${run.stderr}`);
  return run.stdout.trimEnd().split('\n');
}

const all = [...cases()];
const ourVerdicts = signer(all);
const counts = { both: 0, neither: 0, stricter: 0 };
const met = new Set();
const faults = new Map();
const fault = (text) => faults.set(text, (faults.get(text) ?? 0) + 1);
if (ourVerdicts.length !== all.length) fault(`${ourVerdicts.length} verdicts on ${all.length} tokens`);

for (const [n, each] of all.entries()) {
  const theirs = await clerk(each);
  const [verdict, what] = [ourVerdicts[n], each.applied.join(' + ')];
  if (verdict?.startsWith('ok ')) {
    counts.both += 1;
    if (!theirs.accepts) fault(`accepted, and Clerk says ${theirs.why}: ${what}`);
    else if (verdict.slice(3) !== theirs.sub) fault(`another user than Clerk finds: ${what}`);
  } else if (!theirs.accepts) {
    counts.neither += 1;
  } else {
    counts.stricter += 1;
    const known = stricter.filter(([label, flaw]) => each.applied.includes(label) && flaw === verdict);
    if (known.length === 0) fault(`refused (${verdict}), accepted by Clerk, and not in the list: ${what}`);
    // Of a token with several flaws it is not known which one decided.
    if (each.applied.length === 1) for (const entry of known) met.add(entry);
  }
}
for (const entry of stricter) if (!met.has(entry)) fault(`in the list, and no token met it: ${entry[0]}, ${entry[1]}`);
// A comparison in which everything is refused says nothing.
if (counts.both < 500 || counts.neither < 500) fault(`too few on one side: ${JSON.stringify(counts)}`);

const { both, neither, stricter: onlyOurs } = counts;
console.log(`seed ${seed}, ${all.length} tokens: both accept ${both}, both refuse ${neither}, only the signer refuses ${onlyOurs}`);
for (const [text, times] of [...faults].slice(0, 40)) console.error(`${times} x ${text}`);
process.exit(faults.size > 0 ? 1 : 0);
