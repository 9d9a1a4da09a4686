// Viewers and callers at a steady pace, and from a third of the time on bad links and forged tokens among them:
// k6 run -e API=... -e TOKEN=... loadtest/abuse.js
//
// Every bad one gets its refusal, and the good ones' p95 is what it was before.
import { remove, signedForUser, signedUrl, storeFilms, tokens } from './k6/api.js';
import { attack } from './k6/attacks.js';
import { ALONE, follow, steady } from './k6/steady.js';
import { number, seconds } from './k6/settings.js';
import { shared, summary } from './k6/summary.js';

const duration = seconds('DURATION', '60s');
const quiet = Math.floor(duration * ALONE);
const goodRate = number('GOOD_RATE', 60);
const badRate = number('BAD_RATE', 200);

const arrivals = (exec, rate, more) => ({
  executor: 'constant-arrival-rate',
  exec,
  rate,
  timeUnit: '1s',
  preAllocatedVUs: 20,
  maxVUs: 200,
  gracefulStop: '5s',
  ...more,
});

export const options = {
  ...shared,
  scenarios: {
    good: arrivals('good', goodRate, { duration: `${duration}s` }),
    bad: arrivals('bad', badRate, { startTime: `${quiet}s`, duration: `${duration - quiet}s` }),
  },
  thresholds: { ...steady.thresholds, attacks_answered_rightly: ['rate==1'], signs_failed: ['rate==0'] },
};

export const setup = () => storeFilms(2, 8).map((film) => ({ ...film, url: signedUrl(film) }));
export const good = (films) => follow(films, (film) => signedForUser(film, tokens[0]));
export const bad = (films) => attack(films);
export const teardown = (films) => remove(films);
export const handleSummary = summary('abuse', { needed: ['attacks_answered_rightly', ...steady.needed], judge: steady.judge });
