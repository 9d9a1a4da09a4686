/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} rejects with the signal's reason as soon as that is aborted
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void>;
/**
 * How long to wait before a try: what the service asked for, else twice as long each time; at most half a minute.
 * @param {number} failures in a row so far, at least 1
 * @param {unknown} error the last one
 */
export function pauseBefore(failures: number, error: unknown): number;
/**
 * Tries until it succeeds, fails for good, or has failed too often.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {{ retries: number, signal?: AbortSignal }} bounds
 * @returns {Promise<T>}
 */
export function patiently<T>(attempt: () => Promise<T>, { retries, signal }: {
    retries: number;
    signal?: AbortSignal;
}): Promise<T>;
/**
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Response>} a success
 * @throws {FilesError} for everything else but an abort
 */
export function answerOf(url: string, init: RequestInit): Promise<Response>;
