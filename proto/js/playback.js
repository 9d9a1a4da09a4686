// A <video> outlives its link: each range it asks for is checked anew, so a pause or a seek past the expiry would fail. A
// connection that was open before goes on; so a link is changed only when the next request would meet an expired one.
import { FilesError } from './errors.js';
import { pause, pauseBefore } from './exchange.js';

const DEFAULTS = { marginMs: 10_000, patienceMs: 4000, retries: 6 };

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
export function keepPlaying(media, link, wish = {}) {
  const playback = new Playback(media, link, { ...DEFAULTS, ...wish });
  return { started: playback.start(), stop: () => playback.stop() };
}

class Playback {
  #media;
  #link;
  #wish;
  #ending = new AbortController();
  /** Of the link in place, by this machine's monotonic clock. */
  #staleAt = 0;
  /** A change of links under way, if there is one. @type {Promise<void> | null} */
  #change = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watch;

  /**
   * @param {HTMLMediaElement} media
   * @param {(options: { signal: AbortSignal }) => Promise<import('./files.js').Link>} link
   * @param {Required<Pick<PlaybackWish, 'marginMs' | 'patienceMs' | 'retries'>> & PlaybackWish} wish
   */
  constructor(media, link, wish) {
    this.#media = media;
    this.#link = link;
    this.#wish = wish;
  }

  start() {
    const { signal } = this.#ending;
    const on = (/** @type {string} */ event, /** @type {() => void} */ then) => this.#media.addEventListener(event, then, { signal });
    on('error', () => this.#failed());
    for (const asking of ['seeking', 'play']) on(asking, () => this.#asks());
    for (const waiting of ['waiting', 'stalled']) on(waiting, () => this.#waits());
    for (const moving of ['seeked', 'playing', 'canplay', 'timeupdate']) on(moving, () => this.#moves());
    return this.#renew();
  }

  stop() {
    this.#ending.abort(new DOMException('Playback is no longer kept.', 'AbortError'));
    clearTimeout(this.#watch);
  }

  /** A new request is about to go out. */
  #asks() {
    if (this.#change) return;
    if (this.#isStale()) this.#renew(); else this.#waits();
  }

  /** Safari tells no error when a seek meets an expired link: it just goes on waiting. */
  #waits() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#looksInto(), this.#wish.patienceMs);
  }

  #moves() {
    clearTimeout(this.#watch);
    if (this.#media.readyState >= 3) this.#failures = 0;
  }

  /** A media element says that it failed, never why. */
  #failed() {
    if (!this.#change) this.#looksInto();
  }

  /** A fresh link follows unless the one in place still answers and the element has not failed. One that is paused needs none. */
  async #looksInto() {
    const { currentSrc, paused, seeking, error } = this.#media;
    if (this.#change || !currentSrc || (paused && !seeking && !error)) return;
    const refused = this.#isStale() || error !== null || (await this.#isRefused());
    if (refused && !this.#ending.signal.aborted) this.#renew();
  }

  async #isRefused() {
    const asked = { headers: { Range: 'bytes=0-0' }, signal: this.#ending.signal };
    const answer = await fetch(this.#media.currentSrc, asked).catch(() => null);
    return answer !== null && [403, 404, 410].includes(answer.status);
  }

  #isStale() {
    return performance.now() >= this.#staleAt;
  }

  /** One change at a time; whoever asks for one meanwhile gets that. */
  #renew() {
    clearTimeout(this.#watch);
    this.#change ??= this.#replace().finally(() => { this.#change = null; });
    return this.#change;
  }

  async #replace() {
    const fresh = await this.#freshLink();
    if (fresh === null || this.#ending.signal.aborted) return;
    const left = fresh.lastsMs ?? fresh.expiresAt.getTime() - Date.now();
    this.#staleAt = performance.now() + left - Math.min(this.#wish.marginMs, left / 2);
    this.#put(fresh.url);
  }

  /** Null once it is given up. @returns {Promise<import('./files.js').Link | null>} */
  async #freshLink() {
    const { signal } = this.#ending;
    for (let last = null; ;) {
      try {
        if (this.#failures > this.#wish.retries) throw new FilesError('No link of this file plays.', { code: 'no_link_plays', status: 400 });
        if (this.#failures > 0) await pause(pauseBefore(this.#failures, last), signal);
        this.#failures += 1;
        return await this.#link({ signal });
      } catch (error) {
        if (signal.aborted) return null;
        if (!(error instanceof FilesError) || !error.isPassing) { this.#gone(error); return null; }
        last = error;
        this.#wish.onTrouble?.(error);
      }
    }
  }

  /** @param {unknown} error */
  #gone(error) {
    this.stop();
    this.#media.pause();
    this.#wish.onGone?.(error);
  }

  /** Loading anew forgets all three (HTML, media element load algorithm). @param {string} url */
  #put(url) {
    const { currentTime, playbackRate, paused, autoplay } = this.#media;
    const isFirst = !this.#media.currentSrc;
    this.#media.src = url;
    this.#media.playbackRate = playbackRate;
    if (!isFirst) this.#media.currentTime = currentTime;
    if (!paused && !(isFirst && autoplay)) this.#media.play().catch(() => {});
  }
}
