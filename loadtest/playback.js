// Viewers of films, as players are: k6 run -e API=https://api.example.com/api -e TOKEN=... loadtest/playback.js
//
// No range may fail, none may be wrong, and the first byte of a hot range comes soon.
import { remove, storeFilms } from './k6/api.js';
import { thresholds } from './k6/ranges.js';
import { shared, summary } from './k6/summary.js';
import { viewers, watchUntil } from './k6/viewer.js';

const DURATION = '60s';

export const options = {
  ...shared,
  scenarios: { playback: viewers(300, DURATION) },
  thresholds: { ...thresholds, 'first_byte{kind:seek}': thresholds.first_byte },
};

export const setup = () => storeFilms();
export default (films) => watchUntil(films, DURATION);
export const teardown = (films) => remove(films);
export const handleSummary = summary('playback', { needed: ['first_byte', 'signing', 'ranges_failed'] });
