/**
 * @typedef {object} Keys
 * @property {string} secret signs version 1
 * @property {{ id: string, secret: string }} newest signs version 2
 */
/**
 * @typedef {object} WhatIsSigned
 * @property {string} fileId
 * @property {string} userId the file's owner
 * @property {number} expires Unix seconds
 */
/**
 * @typedef {object} WhatElseIsSigned
 * @property {number} issuedAt Unix seconds
 * @property {number} [notBefore] Unix seconds
 * @property {'inline' | 'attachment'} [disposition]
 * @property {string} [filename] what a browser saves it as
 * @property {string} [pathName] one more segment of the path, for players that look for an extension: clip.mp4
 */
/**
 * The keys of the services' own settings, read as they read them.
 * @param {{ FILE_SIGNING_SECRET?: string, FILE_SIGNING_KEYS?: string, ALLOW_SHORT_SIGNING_SECRET?: string }} settings such as process.env
 * @returns {Keys}
 */
export function keysOf({ FILE_SIGNING_SECRET: secret, FILE_SIGNING_KEYS: list, ALLOW_SHORT_SIGNING_SECRET: short }: {
    FILE_SIGNING_SECRET?: string;
    FILE_SIGNING_KEYS?: string;
    ALLOW_SHORT_SIGNING_SECRET?: string;
}): Keys;
/**
 * Version 1, which every gateway takes.
 * @param {string | URL} base such as https://files.example.com
 * @param {string} secret
 * @param {WhatIsSigned} what
 * @returns {string}
 */
export function signV1(base: string | URL, secret: string, what: WhatIsSigned): string;
/**
 * Version 2: the path and every parameter are signed.
 * @param {string | URL} base such as https://files.example.com
 * @param {{ id: string, secret: string }} key
 * @param {WhatIsSigned & WhatElseIsSigned} what
 * @returns {string}
 */
export function signV2(base: string | URL, key: {
    id: string;
    secret: string;
}, what: WhatIsSigned & WhatElseIsSigned): string;
export type Keys = {
    /**
     * signs version 1
     */
    secret: string;
    /**
     * signs version 2
     */
    newest: {
        id: string;
        secret: string;
    };
};
export type WhatIsSigned = {
    fileId: string;
    /**
     * the file's owner
     */
    userId: string;
    /**
     * Unix seconds
     */
    expires: number;
};
export type WhatElseIsSigned = {
    /**
     * Unix seconds
     */
    issuedAt: number;
    /**
     * Unix seconds
     */
    notBefore?: number | undefined;
    disposition?: "attachment" | "inline" | undefined;
    /**
     * what a browser saves it as
     */
    filename?: string | undefined;
    /**
     * one more segment of the path, for players that look for an extension: clip.mp4
     */
    pathName?: string | undefined;
};
