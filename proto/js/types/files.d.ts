/**
 * A file as the API shows it.
 * @typedef {object} File
 * @property {string} id
 * @property {string} user_id
 * @property {string | null} job_id
 * @property {string} filename
 * @property {string} content_type
 * @property {number} size bytes
 * @property {string} etag
 * @property {string | null} sha256
 * @property {Record<string, string>} metadata
 * @property {string} created_at RFC 3339
 */
/**
 * A signed URL: whoever has it may read the file until it expires.
 * @typedef {object} Link
 * @property {string} url
 * @property {Date} expiresAt by the service's clock
 * @property {number} [lastsMs] how long it lives from now on, whatever the clock of this machine says
 */
/**
 * @typedef {object} LinkWish
 * @property {number} [expiresIn] seconds, 3600 unless given
 * @property {1 | 2} [version]
 * @property {'inline' | 'attachment'} [disposition] version 2 only
 * @property {string} [filename] version 2 only
 * @property {number} [notBefore] Unix seconds, version 2 only
 */
/**
 * @typedef {object} Service
 * @property {string | URL} api the signer's base, such as https://api.example.com/api
 * @property {() => string | null | Promise<string | null>} [token] a fresh JWT, asked for with each call; none where a cookie is sent
 * @property {RequestCredentials} [credentials] 'include' where the cookie of another origin is to be sent
 * @property {number} [retries] of a call that was answered 429 or 5xx, or not at all; 4 unless given
 */
/** @typedef {{ signal?: AbortSignal }} Abortable */
/**
 * Calls the API as one user. Every method rejects with a `FilesError`, or with the reason of an aborted signal.
 */
export class Files {
    /** @param {Service} service */
    constructor(service: Service);
    /**
     * @param {string} fileId
     * @param {LinkWish & Abortable} [wish]
     * @returns {Promise<Link>}
     */
    link(fileId: string, { signal, ...wish }?: LinkWish & Abortable): Promise<Link>;
    /**
     * Links to up to 100 files in one call, in the order asked; in place of one, the error that kept it.
     * @param {string[]} fileIds
     * @param {{ expiresIn?: number } & Abortable} [wish]
     * @returns {Promise<(Link | FilesError)[]>}
     */
    links(fileIds: string[], { signal, expiresIn }?: {
        expiresIn?: number;
    } & Abortable): Promise<(Link | FilesError)[]>;
    /**
     * The caller's files, newest first.
     * @param {{ limit?: number, cursor?: string, contentType?: string, jobId?: string } & Abortable} [which]
     * @returns {Promise<{ files: File[], nextCursor: string | null }>}
     */
    list({ signal, limit, cursor, contentType, jobId }?: {
        limit?: number;
        cursor?: string;
        contentType?: string;
        jobId?: string;
    } & Abortable): Promise<{
        files: File[];
        nextCursor: string | null;
    }>;
    /**
     * @param {string} fileId
     * @param {Abortable} [options]
     * @returns {Promise<File>}
     */
    file(fileId: string, { signal }?: Abortable): Promise<File>;
    /**
     * Its links stop working everywhere within two seconds.
     * @param {string} fileId
     * @param {Abortable} [options]
     * @returns {Promise<void>}
     */
    remove(fileId: string, { signal }?: Abortable): Promise<void>;
    /**
     * Sends a file in as many requests as it takes; what arrived before a connection broke is not sent again.
     * @param {Blob} content a File of an <input>, or any Blob; in Node what `fs.openAsBlob` gives
     * @param {import('./upload.js').UploadWish} [wish]
     * @returns {Promise<import('./upload.js').Uploaded>}
     */
    upload(content: Blob, wish?: import("./upload.js").UploadWish): Promise<import("./upload.js").Uploaded>;
    #private;
}
/**
 * A file as the API shows it.
 */
export type File = {
    id: string;
    user_id: string;
    job_id: string | null;
    filename: string;
    content_type: string;
    /**
     * bytes
     */
    size: number;
    etag: string;
    sha256: string | null;
    metadata: Record<string, string>;
    /**
     * RFC 3339
     */
    created_at: string;
};
/**
 * A signed URL: whoever has it may read the file until it expires.
 */
export type Link = {
    url: string;
    /**
     * by the service's clock
     */
    expiresAt: Date;
    /**
     * how long it lives from now on, whatever the clock of this machine says
     */
    lastsMs?: number | undefined;
};
export type LinkWish = {
    /**
     * seconds, 3600 unless given
     */
    expiresIn?: number | undefined;
    version?: 2 | 1 | undefined;
    /**
     * version 2 only
     */
    disposition?: "attachment" | "inline" | undefined;
    /**
     * version 2 only
     */
    filename?: string | undefined;
    /**
     * Unix seconds, version 2 only
     */
    notBefore?: number | undefined;
};
export type Service = {
    /**
     * the signer's base, such as https://api.example.com/api
     */
    api: string | URL;
    /**
     * a fresh JWT, asked for with each call; none where a cookie is sent
     */
    token?: (() => string | null | Promise<string | null>) | undefined;
    /**
     * 'include' where the cookie of another origin is to be sent
     */
    credentials?: RequestCredentials | undefined;
    /**
     * of a call that was answered 429 or 5xx, or not at all; 4 unless given
     */
    retries?: number | undefined;
};
export type Abortable = {
    signal?: AbortSignal;
};
import { FilesError } from './errors.js';
