// TUS 1.0.0 from the client's side: create, send pieces, and after a failure ask how far it came.
import { FilesError } from './errors.js';
import { answerOf, pause, pauseBefore, patiently } from './exchange.js';

const VERSION = { 'Tus-Resumable': '1.0.0' };
const PIECE_BYTES = 16 * 1024 * 1024;

/**
 * @typedef {object} UploadWish
 * @property {string} [name] the file's name; that of a File unless given
 * @property {string} [type] its media type; that of the Blob unless given
 * @property {string} [jobId]
 * @property {Date} [expiresAt] when the file is to be deleted
 * @property {Record<string, string>} [metadata]
 * @property {(sent: number, size: number) => void} [onProgress] bytes
 * @property {(url: string) => void} [onBegin] the upload's own URL, a secret that is enough to go on with it
 * @property {string} [resume] such a URL: goes on where that upload stands
 * @property {AbortSignal} [signal] stops sending; what arrived stays for `resume`
 */

/** @typedef {{ id: string, url: string, warnings: string[] }} Uploaded the file's id, and what its uploader should know */

/**
 * @typedef {object} Where
 * @property {string} uploads
 * @property {() => Promise<Record<string, string>>} identity
 * @property {number} retries in a row without a byte more
 * @property {RequestCredentials} [credentials]
 */

/**
 * How an upload stands.
 * @typedef {{ offset: number, fileId: string | null, warnings: string[] }} Standing
 */

/**
 * @param {Blob} content
 * @param {UploadWish} wish
 * @param {Where} where
 * @returns {Promise<Uploaded>}
 */
export async function upload(content, wish, where) {
  const begun = wish.resume ? { url: wish.resume, standing: await ask(wish.resume, wish, where) } : await create(content, wish, where);
  const { url } = begun;
  wish.onBegin?.(url);
  let { standing } = begun;
  let failures = 0;
  while (standing.fileId === null) {
    wish.onProgress?.(standing.offset, content.size);
    const before = standing.offset;
    try {
      standing = await send(url, content, standing.offset, wish);
      failures = 0;
    } catch (error) {
      wish.signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      standing = await standingAfter(error, failures + 1, url, { wish, where });
      failures = standing.offset > before ? 0 : failures + 1;
      if (failures > where.retries) throw error;
    }
  }
  wish.onProgress?.(content.size, content.size);
  return { id: standing.fileId, url, warnings: standing.warnings };
}

/**
 * @param {Blob} content
 * @param {UploadWish} wish
 * @param {Where} where
 * @returns {Promise<{ url: string, standing: Standing }>} an empty one is a file at once
 */
function create(content, wish, { uploads, identity, retries, credentials }) {
  const name = wish.name ?? ('name' in content ? String(content.name) : undefined);
  const told = { filename: name, filetype: wish.type ?? content.type, job_id: wish.jobId, expires_at: wish.expiresAt?.toISOString(), ...wish.metadata };
  const said = Object.entries(told).filter(([, value]) => value !== undefined && value !== '');
  const metadata = said.map(([key, value]) => `${key} ${base64(String(value))}`).join(',');
  const attempt = async () => {
    /** @type {Record<string, string>} */
    const headers = { ...VERSION, ...(await identity()), 'Upload-Length': String(content.size) };
    if (metadata) headers['Upload-Metadata'] = metadata;
    const response = await answerOf(uploads, { method: 'POST', headers, signal: wish.signal, credentials });
    const url = new URL(response.headers.get('location') ?? '', response.url).href;
    return { url, standing: standingOf(response.headers) };
  };
  return patiently(attempt, { retries, signal: wish.signal });
}

/**
 * @param {string} url
 * @param {UploadWish} wish
 * @param {Where} where
 * @returns {Promise<Standing>}
 */
function ask(url, { signal }, { retries }) {
  const attempt = async () => standingOf((await answerOf(url, { method: 'HEAD', headers: VERSION, signal })).headers);
  return patiently(attempt, { retries, signal });
}

/**
 * @param {unknown} error
 * @param {number} failures
 * @param {string} url
 * @param {{ wish: UploadWish, where: Where }} call
 */
async function standingAfter(error, failures, url, { wish, where }) {
  await pause(pauseBefore(failures, error), wish.signal);
  return ask(url, wish, where);
}

/** Another writer's turn (423), or another offset than ours (409), are cured by asking where the upload stands. @param {unknown} error */
function isPassing(error) {
  return error instanceof FilesError && (error.isPassing || error.status === 409 || error.status === 423);
}

/** @param {{ get(name: string): string | null }} headers @returns {Standing} */
function standingOf(headers) {
  const warning = headers.get('upload-warning');
  return { offset: Number(headers.get('upload-offset')), fileId: headers.get('upload-file-id'), warnings: warning ? [warning] : [] };
}

/**
 * One piece of the content. Browsers tell what has gone out of an XMLHttpRequest only; elsewhere it is told piece by piece.
 * @param {string} url
 * @param {Blob} content
 * @param {number} offset
 * @param {UploadWish} wish
 * @returns {Promise<Standing>}
 */
async function send(url, content, offset, { onProgress, signal }) {
  // An XMLHttpRequest hears only of what happens while it is on its way.
  signal?.throwIfAborted();
  const piece = content.slice(offset, offset + PIECE_BYTES, '');
  const headers = { ...VERSION, 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset) };
  if (typeof XMLHttpRequest === 'undefined') {
    return standingOf((await answerOf(url, { method: 'PATCH', headers, body: piece, signal })).headers);
  }
  const sent = (/** @type {number} */ bytes) => onProgress?.(offset + bytes, content.size);
  return standingOf((await answerWithProgress(url, { headers, body: piece, signal }, sent)).headers);
}

/**
 * @param {string} url
 * @param {{ headers: Record<string, string>, body: Blob, signal?: AbortSignal }} what
 * @param {(bytes: number) => void} sent
 * @returns {Promise<Response>}
 */
function answerWithProgress(url, { headers, body, signal }, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal?.addEventListener('abort', stop, { once: true });
    request.open('PATCH', url);
    Object.entries(headers).forEach(([name, value]) => request.setRequestHeader(name, value));
    request.upload.onprogress = ({ loaded }) => sent(loaded);
    request.onabort = () => reject(signal?.reason);
    request.onerror = () => reject(new FilesError('The connection broke while a file was sent.'));
    request.onload = () => {
      const response = responseOf(request);
      if (response.ok) resolve(response); else FilesError.of(response).then(reject);
    };
    request.onloadend = () => signal?.removeEventListener('abort', stop);
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function responseOf(request) {
  const lines = request.getAllResponseHeaders().trim().split('\r\n').filter(Boolean);
  const headers = lines.map((line) => /** @type {[string, string]} */ ([line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  const hasBody = request.status !== 204 && request.status !== 304;
  return new Response(hasBody ? request.responseText : null, { status: request.status, headers });
}

/** Of the text's UTF-8. @param {string} text */
function base64(text) {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}
