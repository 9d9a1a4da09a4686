// Good traffic at a steady pace, and whether it was slower while something else went on.
import exec from 'k6/execution';
import { read, thresholds } from './ranges.js';
import { number } from './settings.js';

const RANGE_BYTES = 64 * 1024;
/** Of the run: until the first everything becomes warm, until the second nothing else goes on. */
const WARM = 0.08;
export const ALONE = 1 / 3;
/** How much slower the p95 may be, by ratio, and in milliseconds that are a scheduler's and nobody's fault. */
const ratio = number('MAY_MOVE', 1.25);
const grain = number('GRAIN_MS', 1);

const measured = { first_byte: 'first byte of good ranges', signing: 'good calls for a link' };
const limits = { first_byte: thresholds.first_byte, signing: [`p(95)<${number('ISSUE_MS', 50)}`] };
const phase = (name, when) => `${name}{when:${when}}`;
const phases = Object.keys(measured).flatMap((name) => ['alone', 'beside'].map((when) => [phase(name, when), limits[name]]));

/** A link, and a range of it. */
export function follow(films, sign) {
  exec.vu.metrics.tags.when = when(exec.scenario.progress);
  const film = films[Math.floor(Math.random() * films.length)];
  const first = Math.floor(Math.random() * (film.size - RANGE_BYTES));
  const url = sign(film);
  if (url !== null) read(url, film, first, first + RANGE_BYTES - 1, 'range');
}

function when(progress) {
  if (progress < WARM) return 'warming';
  return progress < ALONE ? 'alone' : 'beside';
}

export const steady = {
  needed: phases.map(([name]) => name),
  thresholds: { ...thresholds, ...Object.fromEntries(phases) },
  judge: (metrics) => (phases.every(([name]) => name in metrics) ? Object.keys(measured).map((name) => compared(name, metrics)) : []),
};

function compared(name, metrics) {
  const [alone, beside] = ['alone', 'beside'].map((when) => metrics[phase(name, when)].values['p(95)']);
  const is = `${beside.toFixed(2)} ms, and ${alone.toFixed(2)} ms alone`;
  const what = `${measured[name]}, p95 beside the abuse: at most ${ratio} x and ${grain} ms more than alone`;
  return { what, is, holds: beside <= alone * ratio + grain };
}
