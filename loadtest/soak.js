// Viewers for an hour, and what the services hold meanwhile: k6 run -e API=... -e TOKEN=... -e INTERNAL=...
// -e SERVICE_TOKEN=... -e ADMIN=http://127.0.0.1:9080 loadtest/soak.js
//
// Links come by the internal listener where it is known, for a user's token may not live as long as this. No range may
// fail, and neither memory nor open files may grow once everybody is there.
import { sleep } from 'k6';
import exec from 'k6/execution';
import { remove, storeFilms } from './k6/api.js';
import { grown, look } from './k6/processes.js';
import { thresholds } from './k6/ranges.js';
import { seconds } from './k6/settings.js';
import { shared, summary } from './k6/summary.js';
import { viewers, watchUntil } from './k6/viewer.js';

const DURATION = '1h';
const BETWEEN_LOOKS_SECONDS = Math.max(1, seconds('DURATION', DURATION) / 120);

export const options = {
  ...shared,
  scenarios: {
    soak: { ...viewers(100, DURATION), exec: 'watch' },
    look: { executor: 'constant-vus', exec: 'lookOn', vus: 1, duration: viewers(1, DURATION).duration, gracefulStop: '5s' },
  },
  thresholds: { ...thresholds, ...grown },
};

export const setup = () => storeFilms();
export const watch = (films) => watchUntil(films, DURATION);
export const lookOn = () => {
  look(exec.scenario.progress);
  sleep(BETWEEN_LOOKS_SECONDS);
};
export const teardown = (films) => remove(films);
export const handleSummary = summary('soak', { needed: ['first_byte', 'ranges_failed', ...Object.keys(grown)] });
