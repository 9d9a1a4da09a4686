// One request and its answer, and trying again.
import { FilesError } from './errors.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} rejects with the signal's reason as soon as that is aborted
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => { clearTimeout(timer); reject(signal?.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener('abort', stop); resolve(); }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * How long to wait before a try: what the service asked for, else twice as long each time; at most half a minute.
 * @param {number} failures in a row so far, at least 1
 * @param {unknown} error the last one
 */
export function pauseBefore(failures, error) {
  const asked = error instanceof FilesError ? error.retryAfterMs : undefined;
  const grown = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
  return Math.min(LONGEST_PAUSE_MS, asked ?? grown);
}

/**
 * Tries until it succeeds, fails for good, or has failed too often.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {{ retries: number, signal?: AbortSignal }} bounds
 * @returns {Promise<T>}
 */
export async function patiently(attempt, { retries, signal }) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof FilesError) || !error.isPassing || failures > retries) throw error;
      await pause(pauseBefore(failures, error), signal);
    }
  }
}

/**
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Response>} a success
 * @throws {FilesError} for everything else but an abort
 */
export async function answerOf(url, init) {
  const response = await fetch(url, init).catch((cause) => {
    init.signal?.throwIfAborted();
    throw new FilesError(`The service cannot be reached: ${cause.message}`);
  });
  if (!response.ok) throw await FilesError.of(response);
  return response;
}
