// Who uses the service during a rehearsal. Each kind of traffic goes on until it is told to stop, and tries again what failed
// as players do: where it broke off, after a moment.
import http from 'node:http';
import { isFailure } from './ledger.mjs';
import { readRange } from './range.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOT_RANGE = 256 * KIB;
const COLD_RANGE = 64 * KIB;
/** As far apart as no chunk of a gateway's cache reaches by default. */
const COLD_STEP = MIB;
const LONG_PACE = 2 * MIB;
const MOST_ATTEMPTS = 40;
/** Before a second attempt, and before each one after that. Who says when to come back is asked then. */
const FIRST_PAUSE_MS = 250, LATER_PAUSE_MS = 1000;

const sleep = (milliseconds) => new Promise((woken) => setTimeout(woken, milliseconds));
const upTo = (bound) => Math.floor(Math.random() * bound);

/** Numbers of files by their kind, so that each file has bytes of its own. */
export const sizes = { hot: 2 * MIB, long: 24 * MIB, cold: 64 * MIB, published: 256 * KIB };

export class Traffic {
  isOver = false;
  #ledger;
  #service;
  #nextNumber;

  /** `firstNumber` is of the first file that is published. */
  constructor(ledger, service, firstNumber) {
    this.#ledger = ledger;
    this.#service = service;
    this.#nextNumber = firstNumber;
  }

  /** A viewer of files that are in a gateway's cache: one range after the other, now and then another file. */
  async watch(files) {
    while (!this.isOver) {
      const agent = connection();
      const file = files[upTo(files.length)];
      let first = upTo(file.size / HOT_RANGE) * HOT_RANGE;
      for (let ranges = 5 + upTo(20); ranges > 0 && !this.isOver; ranges--) {
        await this.#read('hot', file, { first, length: HOT_RANGE, agent });
        first = (first + HOT_RANGE) % file.size;
        await sleep(50 + upTo(250));
      }
      agent.destroy();
    }
  }

  /** A viewer who takes a whole file in one answer, slowly, so that most of it is on its way at any time. */
  async watchSlowly(file) {
    while (!this.isOver) {
      const agent = connection();
      await this.#read('long', file, { first: 0, length: file.size, agent, pace: LONG_PACE });
      agent.destroy();
    }
  }

  /** Ranges of which no gateway has any byte, `rate` in a second. */
  async seek(files, rate) {
    const agent = connection(Infinity);
    const steps = files[0].size / COLD_STEP;
    for (let turn = 0; !this.isOver; turn++) {
      const file = files[turn % files.length];
      const first = (Math.floor(turn / files.length) % steps) * COLD_STEP;
      this.#read('cold', file, { first, length: COLD_RANGE, agent });
      await sleep(1000 / rate);
    }
    agent.destroy();
  }

  /** Asks for links. */
  async sign(files, rate) {
    const agent = connection(Infinity);
    while (!this.isOver) {
      const { id } = files[upTo(files.length)];
      this.#persist('sign', () => this.#service.sign(id, agent));
      await sleep(1000 / rate);
    }
    agent.destroy();
  }

  /** Uploads a file, asks for its link, and reads it: nobody has heard of it before. */
  async publish() {
    const agent = connection();
    while (!this.isOver) {
      const number = this.#nextNumber++;
      const uploaded = await this.#persist('upload', () => this.#service.upload(number, sizes.published, agent));
      const signed = uploaded && (await this.#persist('sign', () => this.#service.sign(uploaded.data.file.id, agent)));
      if (signed) {
        const file = { number, size: sizes.published, url: signed.data.url };
        await this.#read('new', file, { first: 0, length: file.size, agent });
      }
      await sleep(1000);
    }
    agent.destroy();
  }

  /** Until every byte has come: after a cut, from there on. */
  #read(traffic, file, { first, length, agent, pace }) {
    let from = first;
    const end = first + length;
    return this.#persist(traffic, async () => {
      // Broken off behind the last byte.
      if (from === end) return { kind: 'exact' };
      const outcome = await readRange(file, from, end - from, { agent, pace });
      from += outcome.received;
      return outcome;
    });
  }

  /** The outcome that is a success; undefined where there was none. Each attempt is told to the ledger. */
  async #persist(traffic, act) {
    const started = Date.now();
    for (let attempt = 0; attempt < MOST_ATTEMPTS && !this.isOver; attempt++) {
      const began = Date.now();
      const outcome = await act();
      const { kind, retryAfter } = outcome;
      this.#ledger.attempt({ traffic, kind, retryAfter, attempt, began, waited: Date.now() - started });
      if (!isFailure(kind)) return outcome;
      await sleep(Math.max(retryAfter * 1000 || 0, attempt === 0 ? FIRST_PAUSE_MS : LATER_PAUSE_MS));
    }
  }
}

function connection(most = 1) {
  return new http.Agent({ keepAlive: true, maxSockets: most });
}
