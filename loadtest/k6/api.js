// The signer, as users and as the main API call it.
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import { makeFilm } from './film.js';
import { list, mine, number, required, text } from './settings.js';

const bases = list('BASE');
const apis = required('API');
const internals = list('INTERNAL');
export const tokens = required('TOKEN');

const signing = new Trend('signing', true);
const signsFailed = new Rate('signs_failed');

const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const json = { 'Content-Type': 'application/json' };

/** Films of the first token's user, stored for this run; `remove` ends them. */
export function storeFilms(howMany = number('FILMS', 4), mebibytes = number('FILM_MIB', 24)) {
  return Array.from({ length: howMany }, (_, index) => storeFilm(tokens[0], index + 1, mebibytes));
}

export function storeFilm(token, filmNumber, mebibytes) {
  const body = makeFilm(filmNumber, mebibytes);
  const params = { headers: { ...bearer(token), 'Content-Type': 'video/mp4' }, tags: { name: 'upload' }, timeout: '300s' };
  const answer = http.put(`${apis[0]}/files/raw/k6-${filmNumber}.mp4`, body, params);
  if (answer.status !== 200) throw new Error(`the API took no film: ${answer.status} ${answer.body}`);
  const { id, user_id: user } = answer.json('data.file');
  return { id, user, number: filmNumber, size: body.byteLength };
}

export function remove(films, token = tokens[0]) {
  films.forEach(({ id }) => http.del(`${apis[0]}/files/${id}`, null, { headers: bearer(token), tags: { name: 'delete' } }));
}

/** A link to the film by the shortest way there is: the main API's, where the internal listener is known. */
export function signedUrl(film) {
  return internals.length > 0 ? signedForService(film) : signedForUser(film, tokens[0]);
}

/** `null` where there is none, which is counted. */
export function signedForUser(film, token) {
  const answer = http.post(`${mine(apis)}/files/${film.id}/signed-url`, '{"expiresIn": 3600}', {
    headers: { ...bearer(token), ...json },
    tags: { name: 'sign as user' },
  });
  return linkIn(answer, 'user', 'data.url');
}

/** As above, by the main API. */
export function signedForService(film) {
  const body = JSON.stringify({ user_id: film.user, file_ids: [film.id], expires_in: 3600 });
  const answer = http.post(`${mine(internals)}/internal/signed-urls`, body, {
    headers: { ...bearer(text('SERVICE_TOKEN')), ...json },
    tags: { name: 'sign as service' },
  });
  return linkIn(answer, 'service', 'data.results.0.url');
}

function linkIn(answer, by, path) {
  const url = answer.status === 200 ? answer.json(path) : undefined;
  signing.add(answer.timings.duration, { by });
  signsFailed.add(url === undefined, { by });
  if (url === undefined) console.error(`no link by ${by}: status ${answer.status}, error ${answer.error_code}`);
  return url === undefined ? null : atBase(url);
}

/** Through the gateway or proxy that is to be tested, whatever the signer takes for the public one. */
function atBase(url) {
  return bases.length > 0 ? url.replace(/^[a-z]+:\/\/[^/]+/, mine(bases)) : url;
}
