// One range of a file, read as a player reads it and compared with what the file holds.
import { bytesOf } from './bytes.mjs';
import { exchange } from './exchange.mjs';

/**
 * @typedef {object} Outcome
 * @property {string} kind `exact`; `wrong` (other bytes, or another range than the one asked for); `short` (fewer bytes in an
 *   answer that is complete by its own framing); `cut`, `closed`, `refused`, `silent` (see exchange.mjs); or what was
 *   answered in place of the file, such as `503 storage_unavailable`
 * @property {number} received bytes of the range that came and are right
 * @property {string} [retryAfter] what the answer says of trying again
 */

/**
 * @param {object} file `number`, `size` and `url`
 * @param {number} [pace] bytes a second at most
 * @returns {Promise<Outcome>}
 */
export async function readRange(file, first, length, { agent, pace } = {}) {
  const body = new Comparison(file, first, length);
  const pieces = [];
  const take = (piece, answer) => {
    if (answer.statusCode !== 206) return pieces.push(piece);
    body.take(piece);
    if (pace) keepTo(pace, body, answer);
  };
  const headers = { Range: `bytes=${first}-${first + length - 1}` };
  const answer = await exchange({ url: file.url, agent, headers, take });
  if (answer.end !== 'whole') return { kind: body.isWrong ? 'wrong' : answer.end, received: body.received };
  if (answer.status === 206) return { kind: body.verdict(answer.headers), received: body.received };
  return { kind: refusal(answer.status, Buffer.concat(pieces)), received: 0, retryAfter: answer.headers['retry-after'] };
}

/** The status and the `code` of an answer that is not what was asked for; a proxy's own has none. */
export function refusal(status, body) {
  try {
    return `${status} ${JSON.parse(body).code ?? 'without a code'}`;
  } catch {
    return `${status} without a code`;
  }
}

class Comparison {
  received = 0;
  isWrong = false;
  began = Date.now();

  constructor(file, first, length) {
    Object.assign(this, { file, first, length });
  }

  take(piece) {
    const expected = bytesOf(this.file.number, this.first + this.received, piece.length);
    if (this.isWrong || this.received + piece.length > this.length || !expected.equals(piece)) this.isWrong = true;
    else this.received += piece.length;
  }

  verdict(headers) {
    const last = this.first + this.length - 1;
    if (this.isWrong || headers['content-range'] !== `bytes ${this.first}-${last}/${this.file.size}`) return 'wrong';
    return this.received < this.length ? 'short' : 'exact';
  }
}

/** Stops reading for as long as the body is ahead of its pace: the sender sees a client that is slow. */
function keepTo(pace, body, answer) {
  const ahead = (body.received / pace) * 1000 - (Date.now() - body.began);
  if (ahead < 20) return;
  answer.pause();
  setTimeout(() => answer.resume(), ahead);
}
