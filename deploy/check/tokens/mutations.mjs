// Everything that is done to a good token, one idea an entry. `draft` is the token before it is signed: `header` and
// `claims` are objects, `texts` change the JSON of one of them, `padded` is how they are encoded, `wraps` change the
// finished token.
import { createHmac, createSign, sign, constants } from 'node:crypto';

export const APP = 'https://app.example';
export const ISSUER = 'https://clerk.example';
export const AUDIENCE = 't2m-api';
// Stands for a byte that UTF-8 does not have.
const NO_TEXT = '\ue000';

export function base64url(text) {
  const bytes = Buffer.from(text).toString('latin1').replaceAll(Buffer.from(NO_TEXT).toString('latin1'), '\xff');
  return Buffer.from(bytes, 'latin1').toString('base64url');
}
const header = (name, ...values) => (draft, pick) => set(draft.header, name, pick(values));
const claim = (name, ...values) => (draft, pick) => set(draft.claims, name, pick(values));
const headerText = (change) => (draft) => draft.texts.header.push(change);
const claimsText = (change) => (draft) => draft.texts.claims.push(change);
const token = (...changes) => (draft, pick) => draft.wraps.push(pick(changes));
const absent = Symbol('absent');

function set(object, name, value) {
  if (value === absent) delete object[name];
  else object[name] = value;
}

const parts = (text, change) => {
  const [head, body = '', signature = '', ...rest] = text.split('.');
  return [...change({ head, body, signature }), ...rest].join('.');
};
const flipped = (text, at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
// The last character of an unpadded text has bits that stand for nothing; another one decodes to the same bytes.
const strayBits = (text) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1));
  return text.length % 4 === 0 ? text : text.slice(0, -1) + alphabet[last ^ 1];
};

export const mutations = (now, ours, other) => ({
  // --- nothing of note ---
  'as it is': () => {},
  'a description': claim('role', 'admin', 1, null, ['admin'], {}),
  'another description': claim('permissions', ['a'], 'a', [1], null),
  'a template category': claim('cat', 'cl_B7d4PD222AAA', 'cl_B7d4PD111AAA', 'cl_I7d4PD111III'),
  'an active session': claim('sts', 'active'),
  'a kid': header('kid', absent, '__proto__', '../../x', "' OR 1=1", 'x'.repeat(2000), 7),
  'a place of keys': (draft, pick) => set(draft.header, pick(['jku', 'x5u', 'x5c', 'jwk']), 'https://evil.example/jwks'),
  'numbers as claims': claim('email', 1e300, -0, 0.1),
  'non-ASCII text': claim('email', 'é', '\u{1f600}', '\u0000', 'a\u2028b'),
  'white space in JSON': claimsText((text) => `\n\t ${text} \r\n`),
  'escapes in JSON': claimsText((text) => text.replace('"sub"', '"\\u0073ub"')),

  // --- header ---
  'alg none': header('alg', 'none', 'nOnE', 'NONE', ''),
  'alg of a shared secret': (draft) => {
    draft.header.alg = 'HS256';
    draft.sign = (text) => createHmac('sha256', ours.publicPem).update(text).digest('base64url');
  },
  'alg of another kind': header('alg', absent, null, 1, ['RS256'], 'rs256', 'RS256 ', 'ES256', 'PS256', 'EdDSA', 'RS1'),
  'alg of a longer hash': (draft, pick) => {
    const bits = pick(['384', '512']);
    draft.header.alg = `RS${bits}`;
    draft.sign = (text) => createSign(`RSA-SHA${bits}`).update(text).sign(ours.privatePem, 'base64url');
  },
  'alg that is not the signature’s': header('alg', 'RS384', 'RS512'),
  'PSS under RS256': (draft) => {
    const padding = { key: ours.privatePem, padding: constants.RSA_PKCS1_PSS_PADDING };
    draft.sign = (text) => sign('sha256', Buffer.from(text), padding).toString('base64url');
  },
  'no typ': header('typ', absent),
  'a typ': header('typ', 'at+jwt', 'jwt', 'JWE', 'JWT ', null, 1, ['JWT'], ''),
  crit: header('crit', ['b64'], [], ['exp'], 'b64', null),
  'b64 off': header('b64', false, null, 0),
  'b64 on': header('b64', true),
  zip: header('zip', 'DEF', null),
  'a machine category in the header': header('cat', 'cl_B7d4PD333AAA'),

  // --- times ---
  'exp at the edge': claim('exp', now - 7, now - 6, now - 5, now - 4, now - 3, now, now + 1),
  'exp with a fraction': claim('exp', now - 5.5, now - 4.5, now - 4.000001, now - 3.5, now + 60.5),
  'exp that is none': claim('exp', absent, null, `${now + 60}`, true, [now + 60], {}, '', 'soon'),
  'exp far away': claim('exp', -1, 0, -0, 1e12, 9e15),
  'exp out of range': claim('exp', 1e18, 1e300),
  'exp far before all time': claim('exp', -9e15, -1e18, -1e300),
  'exp without an end': claimsText((text) => text.replace(/"exp":[^,}]*/, '"exp":1e400')),
  'nbf at the edge': claim('nbf', now + 4, now + 5, now + 6, now + 10, now + 3600),
  'nbf with a fraction': claim('nbf', now + 4.5, now + 5.5, now + 5.999, now + 6.5),
  'nbf that is none': claim('nbf', null, `${now}`, true, [], {}),
  'nbf absent': claim('nbf', absent),
  'nbf out of range': claim('nbf', 1e18, 1e300),
  'nbf long ago': claim('nbf', -1, 0, -1e18),
  'iat at the edge': claim('iat', now + 4, now + 5, now + 6, now + 10, now + 3600),
  'iat with a fraction': claim('iat', now + 4.5, now + 5.5, now + 5.999, now + 6.5),
  'iat that is none': claim('iat', null, `${now}`, false, [], {}),
  'iat absent': claim('iat', absent),
  'iat out of range': claim('iat', 1e18, 1e300),

  // --- for whom, by whom, of whom ---
  'aud ours': claim('aud', [AUDIENCE], ['other', AUDIENCE], [AUDIENCE, AUDIENCE]),
  'aud of others': claim('aud', 'other', ['other'], 'T2M-API', `${AUDIENCE} `, [`x${AUDIENCE}`]),
  'aud absent': claim('aud', absent, null),
  'aud that names nobody': claim('aud', '', [], [''], false, 0),
  'aud of odd types': claim('aud', 7, true, {}, [1], [AUDIENCE, 1], [[AUDIENCE]], { [AUDIENCE]: 1 }),
  'azp listed': claim('azp', APP),
  'azp not listed': claim('azp', 'https://evil.example', `${APP}/`, `${APP}.evil.example`, 'HTTPS://APP.EXAMPLE'),
  'azp that is none': claim('azp', absent, null, '', 1, [APP], { [APP]: 1 }),
  'iss another': claim('iss', 'https://evil.example', `${ISSUER}/`, 'HTTPS://CLERK.EXAMPLE'),
  'iss that is none': claim('iss', absent, null, '', 1, [ISSUER]),
  'sub that is none': claim('sub', absent, null, 1, true, ['user_1'], {}),
  'sub empty': claim('sub', ''),
  'sub of other letters': claim('sub', 'a:b', 'a b', 'a/b', '..', '.', 'é', 'x'.repeat(129), 'a\u0000', 'user_1\n'),
  'sub of all letters': claim('sub', 'user_2abcXYZ', 'a.b@c|d-e', 'x'.repeat(128), '...'),
  'sub of a machine': claim('sub', 'mch_1', 'mch_'),
  'user_id another': claim('user_id', 'user_2', ''),
  'user_id the same': claimsText((text) =>
    text.includes('"user_id"') ? text : text.replace(/"sub":("[^"]*")/, '$&,"user_id":$1')),
  'a machine category': claim('cat', 'cl_B7d4PD333AAA'),
  'a category of odd types': claim('cat', 1, ['cl_B7d4PD333AAA'], true, {}),
  'a pending session': claim('sts', 'pending'),
  'a session state of odd types': claim('sts', 1, ['active'], true, {}),

  // --- JSON that can be read in two ways, or in none ---
  'a claim twice': claimsText((text) => text.replace('{', '{"sub":"user_9",')),
  'a claim twice, deep': claimsText((text) => text.replace('{', '{"metadata":{"role":"a","role":"b"},')),
  'a header field twice': headerText((text) => text.replace('{', '{"typ":"JWE",')),
  'alg twice': headerText((text) => text.replace(/}$/, ',"alg":"none"}')),
  'a mark before the claims': claimsText((text) => `\ufeff${text}`),
  'a mark before the header': headerText((text) => `\ufeff${text}`),
  'half a character': claimsText((text) => text.replace('{', '{"name":"\\ud800",')),
  'bytes that are no text': claimsText((text) => text.replace('{', `{"name":"${NO_TEXT}",`)),
  'deep claims': claimsText((text) => text.replace('{', `{"deep":${'['.repeat(300)}${']'.repeat(300)},`)),
  'not quite JSON': claimsText((text) => text.replace('}', ',}')),
  'a comment': claimsText((text) => `${text}// x`),
  'claims that are no object': (draft, pick) => draft.texts.claims.push(() => pick(['[]', '1', '"x"', 'null', '', '{'])),
  'a header that is no object': (draft, pick) => draft.texts.header.push(() => pick(['[]', '1', 'null', '', '{'])),
  'a name of the language': claimsText((text) => text.replace('{', '{"__proto__":{"sub":"user_9"},')),

  // --- encoding and signature ---
  'padding behind the signature': token((text) => `${text}=`, (text) => `${text}==`),
  'padding within': (draft) => { draft.padded = true; },
  'the other alphabet in the signature': token((text) =>
    parts(text, ({ head, body, signature }) => [head, body, signature.replaceAll('-', '+').replaceAll('_', '/')])),
  'stray bits in the signature': token((text) =>
    parts(text, ({ head, body, signature }) => [head, body, strayBits(signature)])),
  'white space': token((text) => ` ${text}`, (text) => `${text} `, (text) => `${text}\n`, (text) => text.replace('.', '. ')),
  'more or fewer parts': token(
    (text) => `${text}.`,
    (text) => `.${text}`,
    (text) => `${text}.${text}`,
    (text) => text.slice(0, text.lastIndexOf('.')),
    (text) => text.replaceAll('.', '..'),
    () => '',
    () => '..',
    () => 'x',
  ),
  'no signature': token((text) => text.slice(0, text.lastIndexOf('.') + 1)),
  'a longer signature': token((text) => `${text}AAAA`, (text) => text.slice(0, -4)),
  'a flipped signature': (draft, pick, random) =>
    draft.wraps.push((text) => flipped(text, text.length - 2 - Math.floor(random() * 300))),
  'a flipped claim': (draft, pick, random) =>
    draft.wraps.push((text) => parts(text, ({ head, body, signature }) =>
      [head, flipped(body, Math.floor(random() * body.length)), signature])),
  'a flipped header': (draft, pick, random) =>
    draft.wraps.push((text) => parts(text, ({ head, body, signature }) =>
      [flipped(head, Math.floor(random() * head.length)), body, signature])),
  'claims of another token': token((text) => {
    const claims = { sub: 'user_9', exp: now + 60, aud: AUDIENCE, azp: APP, iss: ISSUER };
    return parts(text, ({ head, signature }) => [head, base64url(JSON.stringify(claims)), signature]);
  }),
  'another signer': (draft) => {
    draft.sign = (text) => createSign('RSA-SHA256').update(text).sign(other.privatePem, 'base64url');
  },
  'another signer, in the header': (draft) => {
    draft.header.jwk = other.jwk;
    draft.sign = (text) => createSign('RSA-SHA256').update(text).sign(other.privatePem, 'base64url');
  },
  'a long token': claim('padding', 'x'.repeat(20_000)),
});
