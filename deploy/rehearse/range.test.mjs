// What the reader makes of servers that lie: node --test deploy/rehearse
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { bytesOf } from './bytes.mjs';
import { readRange } from './range.mjs';

const SIZE = 5000, FIRST = 100, LENGTH = 1000;
const RIGHT = bytesOf(7, FIRST, LENGTH);

/** What is made of a server that answers exactly this, and closes. */
async function judge(...pieces) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat(pieces.map((piece) => Buffer.from(piece)))));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const file = { number: 7, size: SIZE, url: `http://127.0.0.1:${server.address().port}/` };
  const outcome = await readRange(file, FIRST, LENGTH);
  server.close();
  return outcome;
}

const head = (length, range = `bytes ${FIRST}-${FIRST + LENGTH - 1}/${SIZE}`) =>
  `HTTP/1.1 206 Partial Content\r\nContent-Range: ${range}\r\nContent-Length: ${length}\r\n\r\n`;

test('a range of a file is the same however it is made', () => {
  assert.deepEqual(bytesOf(7, 0, 2000).subarray(33, 1500), bytesOf(7, 33, 1467));
  assert.notDeepEqual(bytesOf(7, 0, 16), bytesOf(8, 0, 16));
});

test('the right bytes are exact', async () => {
  assert.deepEqual(await judge(head(LENGTH), RIGHT), { kind: 'exact', received: LENGTH });
});

test('one flipped bit is wrong, also where the connection is cut behind it', async () => {
  const flipped = Buffer.from(RIGHT);
  flipped[500] ^= 1;
  assert.equal((await judge(head(LENGTH), flipped)).kind, 'wrong');
  assert.equal((await judge(head(LENGTH), flipped.subarray(0, 600))).kind, 'wrong');
});

test('another range than the one asked for is wrong', async () => {
  assert.equal((await judge(head(LENGTH, `bytes 0-${LENGTH - 1}/${SIZE}`), RIGHT)).kind, 'wrong');
  assert.equal((await judge(head(LENGTH, `bytes ${FIRST}-${FIRST + LENGTH - 1}/*`), RIGHT)).kind, 'wrong');
});

test('more bytes than asked for are wrong', async () => {
  assert.equal((await judge(head(LENGTH + 1), RIGHT, 'x')).kind, 'wrong');
});

test('an answer that is complete by its length and has too few bytes is short', async () => {
  assert.deepEqual(await judge(head(400), RIGHT.subarray(0, 400)), { kind: 'short', received: 400 });
});

test('an answer in chunks that ends too early is short, and one without its last chunk is cut', async () => {
  const chunked = `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes ${FIRST}-${FIRST + LENGTH - 1}/${SIZE}\r\n` +
    'Transfer-Encoding: chunked\r\n\r\n190\r\n';
  assert.equal((await judge(chunked, RIGHT.subarray(0, 400), '\r\n0\r\n\r\n')).kind, 'short');
  assert.equal((await judge(chunked, RIGHT.subarray(0, 400), '\r\n')).kind, 'cut');
});

test('a connection that ends inside the body is cut', async () => {
  assert.deepEqual(await judge(head(LENGTH), RIGHT.subarray(0, 400)), { kind: 'cut', received: 400 });
});

test('a connection that ends before an answer is closed', async () => {
  assert.equal((await judge('')).kind, 'closed');
});

test('nobody who listens is a refusal', async () => {
  const server = net.createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  const file = { number: 7, size: SIZE, url: `http://127.0.0.1:${port}/` };
  assert.equal((await readRange(file, 0, 1)).kind, 'refused');
});

test('a refusal is told by its status, its code and when to come back', async () => {
  const refused = (body) => `HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const ours = await judge(refused('{"code": "storage_unavailable"}'));
  assert.deepEqual(ours, { kind: '503 storage_unavailable', received: 0, retryAfter: '2' });
  assert.equal((await judge(refused('<html>'))).kind, '503 without a code');
});
