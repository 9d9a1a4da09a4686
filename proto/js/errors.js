/**
 * A refusal of the service, or an answer that is none of its. `code` is one of those of its OpenAPI description.
 */
export class FilesError extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {{ status?: number, code?: string, requestId?: string, retryAfterMs?: number }} [what]
   */
  constructor(message, { status = 0, code = 'no_answer', requestId, retryAfterMs } = {}) {
    super(message);
    this.name = 'FilesError';
    /** HTTP status; 0 if there was no answer */
    this.status = status;
    this.code = code;
    /** names the request in the service's log */
    this.requestId = requestId;
    /** how long the service asks to wait */
    this.retryAfterMs = retryAfterMs;
  }

  /**
   * @param {Response} response an answer that is no success
   * @returns {Promise<FilesError>}
   */
  static async of(response) {
    const { status, headers } = response;
    /** @type {{ message?: string, code?: string, request_id?: string }} */
    const told = await response.json().catch(() => ({}));
    const seconds = Number(headers.get('retry-after') ?? NaN);
    return new FilesError(told.message ?? `The service answered ${status}.`, {
      status,
      code: told.code ?? 'unknown',
      requestId: told.request_id ?? headers.get('x-request-id') ?? undefined,
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    });
  }

  /** Whether the same call may succeed later: the service is busy, or a part of it is away. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}
