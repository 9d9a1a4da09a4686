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
export function upload(content: Blob, wish: UploadWish, where: Where): Promise<Uploaded>;
export type UploadWish = {
    /**
     * the file's name; that of a File unless given
     */
    name?: string | undefined;
    /**
     * its media type; that of the Blob unless given
     */
    type?: string | undefined;
    jobId?: string | undefined;
    /**
     * when the file is to be deleted
     */
    expiresAt?: Date | undefined;
    metadata?: Record<string, string> | undefined;
    /**
     * bytes
     */
    onProgress?: ((sent: number, size: number) => void) | undefined;
    /**
     * the upload's own URL, a secret that is enough to go on with it
     */
    onBegin?: ((url: string) => void) | undefined;
    /**
     * such a URL: goes on where that upload stands
     */
    resume?: string | undefined;
    /**
     * stops sending; what arrived stays for `resume`
     */
    signal?: AbortSignal | undefined;
};
/**
 * the file's id, and what its uploader should know
 */
export type Uploaded = {
    id: string;
    url: string;
    warnings: string[];
};
export type Where = {
    uploads: string;
    identity: () => Promise<Record<string, string>>;
    /**
     * in a row without a byte more
     */
    retries: number;
    credentials?: RequestCredentials | undefined;
};
/**
 * How an upload stands.
 */
export type Standing = {
    offset: number;
    fileId: string | null;
    warnings: string[];
};
