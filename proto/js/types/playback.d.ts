/**
 * @typedef {object} PlaybackWish
 * @property {(error: unknown) => void} [onGone] the file is deleted, or access to it has ended: playback has stopped
 * @property {(error: unknown) => void} [onTrouble] a link could not be had just now; it is tried again
 * @property {number} [marginMs] before its expiry a link is no longer asked with; 10 s unless given, at most half its life
 * @property {number} [patienceMs] a seek or a wait for data that takes longer is looked into; 4 s unless given
 * @property {number} [retries] in a row, of getting a link that plays; 6 unless given
 */
/**
 * Keeps a <video> or <audio> on links that live: position, speed and whether it plays are kept over each change.
 * @param {HTMLMediaElement} media
 * @param {(options: { signal: AbortSignal }) => Promise<import('./files.js').Link>} link makes a fresh one: `(options) => files.link(id, options)`
 * @param {PlaybackWish} [wish]
 * @returns {{ started: Promise<void>, stop: () => void }} `started` when the first link is in place; `stop` leaves the element as it is
 */
export function keepPlaying(media: HTMLMediaElement, link: (options: {
    signal: AbortSignal;
}) => Promise<import("./files.js").Link>, wish?: PlaybackWish): {
    started: Promise<void>;
    stop: () => void;
};
export type PlaybackWish = {
    /**
     * the file is deleted, or access to it has ended: playback has stopped
     */
    onGone?: ((error: unknown) => void) | undefined;
    /**
     * a link could not be had just now; it is tried again
     */
    onTrouble?: ((error: unknown) => void) | undefined;
    /**
     * before its expiry a link is no longer asked with; 10 s unless given, at most half its life
     */
    marginMs?: number | undefined;
    /**
     * a seek or a wait for data that takes longer is looked into; 4 s unless given
     */
    patienceMs?: number | undefined;
    /**
     * in a row, of getting a link that plays; 6 unless given
     */
    retries?: number | undefined;
};
