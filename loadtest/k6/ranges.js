// One range of a film, asked for and judged.
import { sleep } from 'k6';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import { firstWrongByte } from './film.js';
import { number } from './settings.js';

const RETRY_AFTER_SECONDS = 0.5;
/** Of the ranges, those whose bytes are looked at. */
const looks = number('LOOKS', 0.25);

const firstByte = new Trend('first_byte', true);
const whole = new Trend('whole_range', true);
/** Refused, cut, or not answered. */
const failed = new Rate('ranges_failed');
/** Failed, and again when asked for once more. */
const lost = new Rate('ranges_lost');
/** Bytes or a head that are not the range's, and look as if they were. */
const wrong = new Rate('ranges_wrong');

/** What no run may have, whatever the machine does; and what a hot range takes, on a quiet one. */
export const thresholds = {
  ranges_wrong: ['rate==0'],
  ranges_failed: [`rate<=${number('MAX_FAILED', 0)}`],
  signs_failed: [`rate<=${number('MAX_FAILED', 0)}`],
  first_byte: [`p(95)<${number('FIRST_BYTE_MS', 50)}`],
};

/** Whether the bytes from `first` to `last` came, at the latest when asked for again, as players do. */
export function read(url, film, first, last, kind) {
  const isThere = ask(url, film, first, last, kind) || again(url, film, first, last);
  lost.add(!isThere, { kind });
  return isThere;
}

function again(url, film, first, last) {
  sleep(RETRY_AFTER_SECONDS);
  return ask(url, film, first, last, 'again');
}

function ask(url, film, first, last, kind) {
  const looksAtBytes = Math.random() < looks;
  const answer = http.get(url, {
    headers: { Range: `bytes=${first}-${last}` },
    responseType: looksAtBytes ? 'binary' : 'none',
    tags: { name: kind },
  });
  const failure = failureOf(answer);
  const mistake = failure === null ? mistakeIn(answer, film, first, last) : null;
  failed.add(failure !== null, { kind });
  wrong.add(mistake !== null, { kind });
  if (failure ?? mistake) console.error(`${kind} ${first}-${last} of film ${film.number}: ${failure ?? mistake}`);
  if (failure === null) measure(answer, kind);
  return failure === null && mistake === null;
}

function measure(answer, kind) {
  firstByte.add(answer.timings.waiting, { kind });
  whole.add(answer.timings.waiting + answer.timings.receiving, { kind });
}

/** k6 numbers what happened to a connection: a body that ended early among it. */
function failureOf(answer) {
  if (answer.status !== 206) return `status ${answer.status}, error ${answer.error_code}`;
  return answer.error_code === 0 ? null : `cut, error ${answer.error_code}`;
}

function mistakeIn(answer, film, first, last) {
  const length = last - first + 1;
  const { 'Content-Range': range, 'Content-Length': said } = answer.headers;
  if (range !== `bytes ${first}-${last}/${film.size}`) return `Content-Range ${range}`;
  if (said !== String(length)) return `Content-Length ${said}`;
  if (answer.body === null) return null;
  if (answer.body.byteLength !== length) return `${answer.body.byteLength} bytes`;
  const at = firstWrongByte(film, first, answer.body);
  return at === null ? null : `another byte at ${at}`;
}

/** What is wrong with an answer, or failed; `null` if it is the range. */
export function judgeRange(answer, film, first, last) {
  return failureOf(answer) ?? mistakeIn(answer, film, first, last);
}

/** Asks for all that is left and goes away before it is there: no answer is judged. */
export function abandon(url, first) {
  const milliseconds = 20;
  http.get(url, {
    headers: { Range: `bytes=${first}-` },
    responseType: 'none',
    timeout: milliseconds,
    tags: { name: 'abandoned' },
  });
}
