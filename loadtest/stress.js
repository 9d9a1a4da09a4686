// Where a service's knee is: ranges at a pace that doubles step by step, then the first pace again.
// k6 run -e API=... -e TOKEN=... loadtest/stress.js
//
// Whatever is answered is whole and has the right head, what is too much is refused in so many words (503 with Retry-After), and the service is
// itself again after it. k6 is soon busier than a gateway: `unsent` says where it could not keep its own pace.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import { remove, signedUrl, storeFilms } from './k6/api.js';
import { judgeRange } from './k6/ranges.js';
import { number } from './k6/settings.js';
import { shared, summary } from './k6/summary.js';

const rangeBytes = number('RANGE_KIB', 64) * 1024;
const steps = number('STEPS', 7);
const stepSeconds = number('STEP_SECONDS', 10);
const firstRate = number('FIRST_RATE', 100);
/** Between the last step and the look at how the service recovered: what the contract of overload allows. */
const RECOVERY_SECONDS = 5;
/** A step is before the knee while so much of what was offered is answered. */
const KEPT = 0.95;

const good = new Counter('good');
const refused = new Counter('refused');
const wrong = new Rate('wrong');
const goodFirstByte = new Trend('good_first_byte', true);
const refusalTime = new Trend('refusal', true);

const names = [...Array.from({ length: steps }, (_, step) => `step_${step}`), 'recovered'];
const rates = Object.fromEntries(names.map((name, step) => [name, name === 'recovered' ? firstRate : firstRate * 2 ** step]));

const scenario = (name, step) => ({
  executor: 'constant-arrival-rate',
  rate: rates[name],
  timeUnit: '1s',
  startTime: `${step * stepSeconds + (name === 'recovered' ? RECOVERY_SECONDS : 0)}s`,
  duration: `${stepSeconds}s`,
  gracefulStop: '5s',
  preAllocatedVUs: 50,
  maxVUs: number('MAX_VUS', 500),
});

/** True of everything: the summary shows each step. */
const shown = (name) => [[`good{scenario:${name}}`, ['count>=0']], [`good_first_byte{scenario:${name}}`, ['max>=0']]];

export const options = {
  ...shared,
  scenarios: Object.fromEntries(names.map((name, step) => [name, scenario(name, step)])),
  thresholds: {
    wrong: ['rate==0'],
    ...Object.fromEntries(names.flatMap(shown)),
    'good_first_byte{scenario:recovered}': [`p(95)<${number('FIRST_BYTE_MS', 50)}`],
    'refused{scenario:recovered}': ['count==0'],
  },
};

export const setup = () => storeFilms(2, 24).map((film) => ({ ...film, url: signedUrl(film) }));
export default (films) => {
  const film = films[exec.scenario.iterationInTest % films.length];
  const first = Math.floor(Math.random() * ((film.size - rangeBytes) / 4096)) * 4096;
  const params = { headers: { Range: `bytes=${first}-${first + rangeBytes - 1}` }, responseType: 'none', tags: { name: 'range' } };
  count(http.get(film.url, params), film, first);
};
export const teardown = (films) => {
  sleep(1);
  remove(films);
};
export const handleSummary = summary('stress', { needed: ['good', 'good{scenario:recovered}'], about: perStep });

function count(answer, film, first) {
  const isRefusal = answer.status === 503 && 'Retry-After' in answer.headers;
  const mistake = isRefusal ? null : judgeRange(answer, film, first, first + rangeBytes - 1);
  wrong.add(mistake !== null);
  if (mistake !== null) console.error(mistake);
  if (isRefusal) {
    refused.add(1);
    refusalTime.add(answer.timings.duration);
  } else if (mistake === null) {
    good.add(1);
    goodFirstByte.add(answer.timings.waiting);
  }
}

function perStep(metrics) {
  const rows = names.map((name) => {
    const [kept, late] = [metrics[`good{scenario:${name}}`], metrics[`good_first_byte{scenario:${name}}`]];
    return { name, offered: rates[name], kept: (kept?.values.count ?? 0) / stepSeconds, late: late?.values['p(95)'] ?? 0 };
  });
  const before = rows.filter(({ name, kept, offered }) => name !== 'recovered' && kept >= KEPT * offered);
  const knee = Math.max(0, ...before.map(({ offered }) => offered));
  const unsent = metrics.dropped_iterations?.values.count ?? 0;
  return [
    '',
    ...rows.map(({ name, offered, kept, late }) => `${name.padEnd(12)} ${offered}/s offered, ${kept.toFixed(0)}/s good, first byte p95 ${late.toFixed(1)} ms`),
    `knee: at least ${knee}/s of ${rangeBytes} bytes; ${unsent} unsent because k6 could not`,
  ];
}
