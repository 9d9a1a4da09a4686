// The service as its users reach it: the API behind its proxy, and what its answers are called here.
import { exchange } from './exchange.mjs';
import { bytesOf } from './bytes.mjs';
import { refusal } from './range.mjs';

const ONE_DAY = 86_400;

export class Service {
  #api;
  #token;

  constructor(api, authorization) {
    this.#api = api;
    this.#token = { Authorization: authorization };
  }

  /** A file of `size` bytes: `data` is what the API says of it. */
  upload(number, size, agent) {
    const headers = { 'Content-Length': size };
    return this.#call('PUT', `/files/raw/rehearsal-${number}.bin`, { headers, body: bytesOf(number, 0, size), agent });
  }

  sign(id, agent) {
    const body = JSON.stringify({ expiresIn: ONE_DAY });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
    return this.#call('POST', `/files/${id}/signed-url`, { headers, body, agent });
  }

  /** `kind` is `done`, how the exchange ended if it did not end well, or what was answered in place of success. */
  async #call(method, path, { headers, body, agent }) {
    const pieces = [];
    const take = (piece) => pieces.push(piece);
    headers = { ...headers, ...this.#token };
    const answer = await exchange({ url: this.#api + path, method, headers, body, agent, take });
    if (answer.end !== 'whole') return { kind: answer.end };
    const text = Buffer.concat(pieces);
    if (answer.status !== 200) return { kind: refusal(answer.status, text), retryAfter: answer.headers['retry-after'] };
    return { kind: 'done', data: JSON.parse(text).data };
  }
}
