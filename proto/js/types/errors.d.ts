/**
 * A refusal of the service, or an answer that is none of its. `code` is one of those of its OpenAPI description.
 */
export class FilesError extends Error {
    /**
     * @param {Response} response an answer that is no success
     * @returns {Promise<FilesError>}
     */
    static of(response: Response): Promise<FilesError>;
    /**
     * @param {string} message a sentence for people
     * @param {{ status?: number, code?: string, requestId?: string, retryAfterMs?: number }} [what]
     */
    constructor(message: string, { status, code, requestId, retryAfterMs }?: {
        status?: number;
        code?: string;
        requestId?: string;
        retryAfterMs?: number;
    });
    /** HTTP status; 0 if there was no answer */
    status: number;
    code: string;
    /** names the request in the service's log */
    requestId: string | undefined;
    /** how long the service asks to wait */
    retryAfterMs: number | undefined;
    /** Whether the same call may succeed later: the service is busy, or a part of it is away. */
    get isPassing(): boolean;
}
