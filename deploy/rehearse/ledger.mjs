// What was asked and what came of it, one JSON line each, and whether all is well just now.
import { appendFileSync, openSync } from 'node:fs';

/**
 * A line is one of
 * - `{event, at}`: something begins to happen; what ends from here on belongs to it, until the next
 * - `{mark, at}`: a moment inside an event
 * - `{traffic, kind, began, at, attempt, waited, retryAfter}`: an attempt that ended; `waited` is the time since the first
 *   attempt at the same thing began. Times are Unix milliseconds
 */
export class Ledger {
  #file;
  #lastFailure = 0;
  /** Kind of traffic: when it last succeeded. */
  #lastSuccess = new Map();

  constructor(path) {
    this.#file = openSync(path, 'a');
  }

  event(name) {
    this.#write({ event: name, at: Date.now() });
  }

  mark(name) {
    this.#write({ mark: name, at: Date.now() });
  }

  attempt(attempt) {
    const at = Date.now();
    if (isFailure(attempt.kind)) this.#lastFailure = at;
    else this.#lastSuccess.set(attempt.traffic, at);
    this.#write({ ...attempt, at });
  }

  /** Whether nothing failed for so long, and each of these kinds of traffic has succeeded since something did. */
  isCalm(traffic, milliseconds) {
    const hasSucceeded = (kind) => (this.#lastSuccess.get(kind) ?? 0) > this.#lastFailure;
    return this.#lastFailure < Date.now() - milliseconds && traffic.every(hasSucceeded);
  }

  #write(line) {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

export function isFailure(kind) {
  return kind !== 'exact' && kind !== 'done';
}
