// Links, issued to users and to the main API: k6 run -e API=... -e TOKEN=... -e INTERNAL=... -e SERVICE_TOKEN=...
// loadtest/issue.js. Without INTERNAL, to users only.
//
// Every call must be answered with a link, and soon; now and then one is tried.
import exec from 'k6/execution';
import { remove, signedForService, signedForUser, storeFilm, tokens } from './k6/api.js';
import { read } from './k6/ranges.js';
import { list, mine, number, seconds } from './k6/settings.js';
import { shared, summary } from './k6/summary.js';

const hasInternal = list('INTERNAL').length > 0;
/** Of the links, those that are tried. */
const tries = 0.02;
const callers = ['user', ...(hasInternal ? ['service'] : [])];

const scenario = (by) => ({
  executor: 'constant-vus',
  exec: by,
  vus: number('VUS', 16),
  duration: `${seconds('DURATION', '60s')}s`,
  gracefulStop: '5s',
});

export const options = {
  ...shared,
  scenarios: Object.fromEntries(callers.map((by) => [by, scenario(by)])),
  thresholds: {
    signs_failed: ['rate==0'],
    ranges_failed: ['rate==0'],
    ranges_wrong: ['rate==0'],
    ...Object.fromEntries(callers.map((by) => [`signing{by:${by}}`, [`p(95)<${number('ISSUE_MS', 50)}`]])),
  },
};

export const setup = () => tokens.map((token, index) => storeFilm(token, index + 1, 1));
export const user = (films) => issue(films, (film) => signedForUser(film, mine(tokens)));
export const service = (films) => issue(films, signedForService);
export const teardown = (films) => films.forEach((film, index) => remove([film], tokens[index]));
export const handleSummary = summary('issue', { needed: ['signing', 'ranges_failed'] });

function issue(films, sign) {
  const film = mine(films);
  const url = sign(film);
  const isLast = exec.scenario.progress > 0.95;
  if (url !== null && !isLast && Math.random() < tries) read(url, film, 0, 1, 'probe');
}
