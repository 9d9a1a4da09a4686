// What a player does with a film: probe, index, then ranges at the film's bitrate with some in stock, seeks, pauses, and
// the end of patience.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { signedUrl } from './api.js';
import { abandon, read } from './ranges.js';
import { number, seconds } from './settings.js';

const bitsPerSecond = number('BITRATE', 4_000_000);
const segmentBytes = number('SEGMENT_KIB', 512) * 1024;
const segmentSeconds = (segmentBytes * 8) / bitsPerSecond;
const joinSeconds = number('JOIN_SECONDS', 5);
const INDEX_BYTES = 64 * 1024;
/** That a player has read ahead of what it shows. */
const STOCK_SEGMENTS = 3;
const LONGEST_PAUSE_SECONDS = 5;
/** Of what a viewer does between two ranges. */
const chances = { leave: 0.03, pause: 0.05, seek: 0.1 };

/** A scenario of viewers who watch one film after another. */
export function viewers(vus, duration) {
  const executor = 'constant-vus';
  return { executor, vus: number('VUS', vus), duration: `${seconds('DURATION', duration)}s`, gracefulStop: '30s' };
}

/** Nobody comes at the same moment, and everybody leaves between two ranges. */
export function watchUntil(films, duration) {
  if (exec.vu.iterationInScenario === 0) sleep(Math.random() * joinSeconds);
  const end = exec.scenario.startTime + seconds('DURATION', duration) * 1000;
  const film = films[Math.floor(Math.random() * films.length)];
  const url = Date.now() < end ? signedUrl(film) : null;
  if (url === null) return sleep(1);
  read(url, film, 0, 1, 'probe');
  if (Math.random() < 0.3) read(url, film, film.size - INDEX_BYTES, film.size - 1, 'index');
  return play(url, film, end);
}

function play(url, film, end) {
  const segments = 8 + Math.floor(Math.random() * 12);
  let [at, stock] = [0, new Stock()];
  for (let played = 0; played < segments && at < film.size && Date.now() < end; played += 1) {
    const does = choice();
    if (does === 'leave') return abandon(url, at);
    if (does === 'pause') sleep(Math.min(Math.random() * LONGEST_PAUSE_SECONDS, (end - Date.now()) / 1000));
    if (does === 'seek') [at, stock] = [Math.floor(Math.random() * film.size), new Stock()];
    const next = Math.min(at + segmentBytes, film.size);
    read(url, film, at, next - 1, does === 'seek' ? 'seek' : 'next');
    at = next;
    stock.add();
  }
  return undefined;
}

function choice() {
  let dice = Math.random();
  return Object.keys(chances).find((does) => {
    dice -= chances[does];
    return dice < 0;
  });
}

/** What is read and not yet shown. Showing begins with the first segment. */
class Stock {
  constructor() {
    this.began = Date.now();
    this.segments = 0;
  }

  /** One more; waits while that is more than a player keeps. */
  add() {
    this.segments += 1;
    const shown = (Date.now() - this.began) / 1000 / segmentSeconds;
    const tooMany = this.segments - shown - STOCK_SEGMENTS;
    if (tooMany > 0) sleep(tooMany * segmentSeconds);
  }
}
