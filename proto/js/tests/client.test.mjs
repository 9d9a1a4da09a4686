// API=... LINE=... TOKEN=... node --test proto/js/tests/client.test.mjs
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { openAsBlob } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Files, FilesError } from 't2m-files';
import { API, files, overTheLine, sha256, someBytes } from './service.mjs';

const bytes = someBytes(20_000_000);
let folder;
let film;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client.'));
  await writeFile(join(folder, 'film'), bytes);
  film = await files.upload(await openAsBlob(join(folder, 'film')), { name: 'été №1.bin', jobId: 'job_js', metadata: { scene: 'zwölf' } });
});
after(() => rm(folder, { recursive: true }));

test('an upload is a file with its name, job and metadata, and the SHA-256 of its bytes', async () => {
  const file = await files.file(film.id);
  assert.deepEqual([file.filename, file.job_id, file.metadata.scene, file.size], ['été №1.bin', 'job_js', 'zwölf', bytes.length]);
  assert.equal(file.sha256, sha256(bytes));
});

test('a link gives the bytes to whoever has it', async () => {
  const link = await files.link(film.id, { expiresIn: 60, version: 2, disposition: 'inline' });
  assert.equal(link.lastsMs, 60_000);
  assert.ok(Math.abs(link.expiresAt - Date.now() - 60_000) < 30_000);
  const answer = await fetch(link.url, { headers: { Range: 'bytes=5-9' } });
  assert.equal(answer.status, 206);
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes.subarray(5, 10));
});

test('several links come in the order asked, with an error in the place of a file that is not there', async () => {
  const [error, link] = await files.links(['nothing_there', film.id]);
  assert.ok(error instanceof FilesError && error.code === 'not_found');
  assert.match(link.url, /\/files\/secure\//);
});

test('files are listed page by page', async () => {
  const page = await files.list({ limit: 1, jobId: 'job_js' });
  assert.equal(page.files[0].id, film.id);
  assert.equal((await files.list({ contentType: 'video/' })).files.length, 0);
});

test('a refusal tells its status, its code and a request id', async () => {
  await assert.rejects(files.file('nothing_there'), (error) => {
    assert.deepEqual([error.name, error.status, error.code], ['FilesError', 404, 'not_found']);
    assert.match(error.requestId, /./);
    return !error.isPassing;
  });
  await assert.rejects(new Files({ api: API, token: () => 'forged' }).list(), { status: 401, code: 'token_invalid' });
  await assert.rejects(files.link(film.id, { expiresIn: 0 }), { status: 400, code: 'invalid_request' });
});

test('what is in a path stays in its segment', async () => {
  await assert.rejects(files.file('../usage'), (error) => error instanceof FilesError && error.status >= 400 && error.status < 500);
});

test('a service that is away is tried again, and then told of', async () => {
  const nowhere = new Files({ api: 'http://127.0.0.1:9/api', retries: 1 });
  await assert.rejects(nowhere.list(), { name: 'FilesError', status: 0, code: 'no_answer' });
});

test('an upload goes on over a line that breaks, and tells how far it is', async () => {
  const told = [];
  const { id } = await overTheLine.upload(new Blob([bytes]), { name: 'cut.bin', onProgress: (sent, size) => told.push([sent, size]) });
  assert.equal((await files.file(id)).sha256, sha256(bytes));
  assert.deepEqual(told.at(0), [0, bytes.length]);
  assert.deepEqual(told.at(-1), [bytes.length, bytes.length]);
  assert.ok(told.length > 3, `it was told ${told.length} times`);
});

test('an upload that was stopped goes on where it stood', async () => {
  const stop = new AbortController();
  let url;
  const onProgress = (sent) => { if (sent > 0) stop.abort(); };
  const wish = { name: 'stopped.bin', onBegin: (its) => { url = its; }, onProgress, signal: stop.signal };
  await assert.rejects(overTheLine.upload(new Blob([bytes]), wish), { name: 'AbortError' });
  const from = [];
  const { id } = await files.upload(new Blob([bytes]), { resume: url, onProgress: (sent) => from.push(sent) });
  assert.ok(from[0] > 0, `it went on at ${from[0]}`);
  assert.equal((await files.file(id)).sha256, sha256(bytes));
});

test('an empty file is a file', async () => {
  const { id } = await files.upload(new Blob([]), { name: 'empty' });
  assert.equal((await files.file(id)).size, 0);
});

test('a call that is aborted rejects with the reason, and sends nothing more', async () => {
  const reason = new Error('not wanted any more');
  await assert.rejects(files.list({ signal: AbortSignal.abort(reason) }), reason);
});

test('a removed file is gone', async () => {
  const { id } = await files.upload(new Blob(['x']), { name: 'x' });
  await files.remove(id);
  await assert.rejects(files.link(id), { status: 404 });
});
