// The running service that these tests call, as `deploy/check.sh` starts it.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Files } from 't2m-files';

/** API: the signer's base. LINE: the same, over a line that is cut every few megabytes. TOKEN: a file with the user's header line. */
export const { API, LINE, TOKEN } = process.env;
export const token = () => readFileSync(TOKEN, 'utf8').trim().replace(/^Authorization: Bearer /, '');

export const files = new Files({ api: API, token });
export const overTheLine = new Files({ api: LINE, token, retries: 8 });

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
export const someBytes = (count) => randomBytes(count);
