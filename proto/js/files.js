import { FilesError } from './errors.js';
import { answerOf, patiently } from './exchange.js';
import { upload } from './upload.js';

const LINK_SECONDS = 3600;
const RETRIES = 4;

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
  #service;

  /** @param {Service} service */
  constructor(service) {
    this.#service = { retries: RETRIES, ...service, api: String(service.api).replace(/\/+$/, '') };
  }

  /**
   * @param {string} fileId
   * @param {LinkWish & Abortable} [wish]
   * @returns {Promise<Link>}
   */
  async link(fileId, { signal, ...wish } = {}) {
    const asked = { expiresIn: LINK_SECONDS, ...wish };
    const data = await this.#call('POST', `/files/${encodeURIComponent(fileId)}/signed-url`, { body: asked, signal });
    return linkOf(data, asked.expiresIn);
  }

  /**
   * Links to up to 100 files in one call, in the order asked; in place of one, the error that kept it.
   * @param {string[]} fileIds
   * @param {{ expiresIn?: number } & Abortable} [wish]
   * @returns {Promise<(Link | FilesError)[]>}
   */
  async links(fileIds, { signal, expiresIn = LINK_SECONDS } = {}) {
    const { results } = await this.#call('POST', '/files/signed-urls', { body: { fileIds, expiresIn }, signal });
    return results.map((/** @type {any} */ one) =>
      one.url ? linkOf(one, expiresIn) : new FilesError(one.error, { status: 404, code: one.code }));
  }

  /**
   * The caller's files, newest first.
   * @param {{ limit?: number, cursor?: string, contentType?: string, jobId?: string } & Abortable} [which]
   * @returns {Promise<{ files: File[], nextCursor: string | null }>}
   */
  async list({ signal, limit, cursor, contentType, jobId } = {}) {
    const asked = Object.entries({ limit, cursor, content_type: contentType, job_id: jobId });
    const query = new URLSearchParams(asked.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
    const data = await this.#call('GET', `/files?${query}`, { signal });
    return { files: data.files, nextCursor: data.next_cursor };
  }

  /**
   * @param {string} fileId
   * @param {Abortable} [options]
   * @returns {Promise<File>}
   */
  async file(fileId, { signal } = {}) {
    return (await this.#call('GET', `/files/${encodeURIComponent(fileId)}`, { signal })).file;
  }

  /**
   * Its links stop working everywhere within two seconds.
   * @param {string} fileId
   * @param {Abortable} [options]
   * @returns {Promise<void>}
   */
  async remove(fileId, { signal } = {}) {
    await this.#call('DELETE', `/files/${encodeURIComponent(fileId)}`, { signal });
  }

  /**
   * Sends a file in as many requests as it takes; what arrived before a connection broke is not sent again.
   * @param {Blob} content a File of an <input>, or any Blob; in Node what `fs.openAsBlob` gives
   * @param {import('./upload.js').UploadWish} [wish]
   * @returns {Promise<import('./upload.js').Uploaded>}
   */
  upload(content, wish = {}) {
    const { api, retries, credentials } = this.#service;
    return upload(content, wish, { uploads: `${api}/files/tus`, identity: () => this.#identity(), retries, credentials });
  }

  async #identity() {
    const token = await this.#service.token?.();
    return /** @type {Record<string, string>} */ (token ? { Authorization: `Bearer ${token}` } : {});
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, signal?: AbortSignal }} what
   * @returns {Promise<any>} the answer's `data`
   */
  #call(method, path, { body, signal }) {
    const attempt = async () => {
      const headers = await this.#identity();
      if (body !== undefined) headers['Content-Type'] = 'application/json';
      const { api, credentials } = this.#service;
      const init = { method, headers, signal, credentials, body: body === undefined ? undefined : JSON.stringify(body) };
      return (await answerOf(`${api}${path}`, init)).json();
    };
    return patiently(attempt, { retries: this.#service.retries, signal }).then(({ data }) => data);
  }
}

/**
 * @param {{ url: string, expires_at: string }} data
 * @param {number} seconds
 * @returns {Link}
 */
function linkOf({ url, expires_at }, seconds) {
  return { url, expiresAt: new Date(expires_at), lastsMs: seconds * 1000 };
}
