// A page of another origin plays over the expiry of its links, and uploads over a line that breaks:
//   API=... LINE=... TOKEN=... CLIP=<file> PLAYWRIGHT=... node in_chromium.mjs <port of the page>
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { openAsBlob } from 'node:fs';
import { expectPlaying, inBrowser } from '../../../deploy/check/browser.mjs';
import { API, files, LINE, token } from './service.mjs';

const LINK_SECONDS = 4;
const LINE_BYTES_PER_SECOND = 500_000; // the clip needs 200,000: most of it is still to be asked for
const types = { js: 'text/javascript', html: 'text/html' };

const site = createServer(async (request, response) => {
  const name = request.url === '/' ? 'tests/page.html' : request.url.slice(1);
  const content = /^[a-z_./-]+$/.test(name) && !name.includes('..') ? await readFile(new URL(`../${name}`, import.meta.url)).catch(() => null) : null;
  response.writeHead(content ? 200 : 404, { 'Content-Type': types[name.split('.').pop()] ?? 'text/plain' });
  response.end(content);
});
await new Promise((listening) => site.listen(Number(process.argv[2]), '127.0.0.1', listening));

const clip = await files.upload(await openAsBlob(process.env.CLIP), { name: 'clip.mp4', type: 'video/mp4' });
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// Plays the clip with links of a few seconds; what the page believes of their life may be wrong.
async function play(page, believedMs) {
  await page.goto(`http://127.0.0.1:${process.argv[2]}/`);
  await page.waitForFunction(() => window.keepPlaying);
  await page.evaluate(async ([api, secret, id, expiresIn, lastsMs]) => {
    const files = new window.Files({ api, token: () => secret });
    const link = async (options) => ({ ...(await files.link(id, { expiresIn, ...options })), ...(lastsMs && { lastsMs }) });
    window.links = 0;
    window.gone = null;
    const counted = (options) => { window.links += 1; return link(options); };
    const video = document.querySelector('video');
    window.playback = window.keepPlaying(video, counted, { patienceMs: 1500, onGone: (error) => { window.gone = { status: error.status, code: error.code }; } });
    await window.playback.started;
    await video.play();
  }, [API, token(), clip.id, LINK_SECONDS, believedMs]);
  await expectPlaying(page);
}

const links = (page) => page.evaluate(() => window.links);
const at = (page) => page.evaluate(() => document.querySelector('video').currentTime);
const jump = (page, place) => page.evaluate((to) => { document.querySelector('video').currentTime = to; }, place);
const playsFrom = (page, place) => page.waitForFunction((from) => {
  const { currentTime, paused, error } = document.querySelector('video');
  return !error && !paused && currentTime > from + 0.5 && currentTime < from + 15;
}, place);

async function seeksAfterTheExpiry(page, answers) {
  await play(page);
  await sleep(LINK_SECONDS + 1);
  const before = await links(page);
  for (const place of [30, 12, 24]) {
    await jump(page, place);
    await playsFrom(page, place);
    await sleep(LINK_SECONDS);
  }
  assert.ok((await links(page)) >= before + 2, 'fresh links');
  assert.deepEqual(answers.filter((status) => status >= 400), [], 'no request met an expired link');
}

async function pausesOverTheExpiry(page) {
  await play(page);
  await page.evaluate(() => { const video = document.querySelector('video'); video.playbackRate = 1.25; video.pause(); });
  const place = await at(page);
  await sleep(LINK_SECONDS + 1);
  await page.evaluate(() => document.querySelector('video').play());
  await playsFrom(page, place);
  assert.equal(await page.evaluate(() => document.querySelector('video').playbackRate), 1.25);
  assert.ok((await links(page)) >= 2, 'a fresh link');
}

async function findsOutThatItsLinkExpired(page, answers) {
  await play(page, 3_600_000);
  await sleep(LINK_SECONDS + 1);
  await jump(page, 33);
  await playsFrom(page, 33);
  assert.ok(answers.includes(410), 'a request that met an expired link');
}

async function stopsWhenTheFileIsGone(page) {
  await play(page);
  await files.remove(clip.id);
  await sleep(LINK_SECONDS + 1);
  await jump(page, 30);
  await page.waitForFunction(() => window.gone);
  assert.deepEqual(await page.evaluate(() => window.gone), { status: 404, code: 'not_found' });
}

async function uploadsOverALineThatBreaks(page) {
  const size = 20_000_000;
  const sent = await page.evaluate(async ([api, secret, bytes]) => {
    const content = new Uint8Array(bytes);
    for (let from = 0; from < bytes; from += 65536) crypto.getRandomValues(content.subarray(from, Math.min(from + 65536, bytes)));
    const files = new window.Files({ api, token: () => secret, retries: 8 });
    const told = [];
    const { id } = await files.upload(new File([content], 'été 🎬.bin'), { onProgress: (done) => told.push(done) });
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
    return { id, told, digest: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') };
  }, [LINE, token(), size]);
  const file = await files.file(sent.id);
  assert.deepEqual([file.filename, file.sha256], ['été 🎬.bin', sent.digest]);
  assert.ok(sent.told.length > 5 && sent.told.at(-1) === size, `progress, told ${sent.told.length} times`);
}

async function stopsAnUploadBetweenTwoPieces(page) {
  const ended = await page.evaluate(async ([api, secret]) => {
    const stop = new AbortController();
    const files = new window.Files({ api, token: () => secret });
    const wish = { onProgress: (done, size) => { if (done > 0 && done < size) stop.abort(); }, signal: stop.signal };
    return files.upload(new File([new Uint8Array(40e6)], 'stopped'), wish).then(() => 'finished', (error) => error.name);
  }, [API, token()]);
  assert.equal(ended, 'AbortError');
}

async function abortsBeforeAnythingIsSent(page) {
  const patched = await page.evaluate(async ([api, secret]) => {
    const stop = new AbortController();
    const files = new window.Files({ api, token: () => secret });
    const open = XMLHttpRequest.prototype.open;
    let patches = 0;
    XMLHttpRequest.prototype.open = function counted(...how) { patches += 1; return open.apply(this, how); };
    const wish = { onBegin: () => stop.abort(), signal: stop.signal };
    const ended = await files.upload(new File([new Uint8Array(1e6)], 'never'), wish).then(() => 'finished', (error) => error.name);
    XMLHttpRequest.prototype.open = open;
    return [ended, patches];
  }, [API, token()]);
  assert.deepEqual(patched, ['AbortError', 0]);
}

async function refusesToSignInAPage(page) {
  const message = await page.evaluate(() => import('/not-in-a-browser.js').catch((error) => error.message));
  assert.match(message, /a browser must never have/);
}

try {
  await inBrowser(async (page) => {
    const answers = [];
    page.on('response', (response) => { if (response.url().includes('/files/secure/')) answers.push(response.status()); });
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    const slow = { offline: false, latency: 5, downloadThroughput: LINE_BYTES_PER_SECOND, uploadThroughput: -1 };
    await session.send('Network.emulateNetworkConditions', slow);
    for (const what of [seeksAfterTheExpiry, pausesOverTheExpiry, findsOutThatItsLinkExpired, stopsWhenTheFileIsGone]) {
      answers.length = 0;
      await what(page, answers);
      console.log(`a page ${what.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`);
    }
    await session.send('Network.emulateNetworkConditions', { ...slow, downloadThroughput: -1 });
    for (const what of [uploadsOverALineThatBreaks, stopsAnUploadBetweenTwoPieces, abortsBeforeAnythingIsSent, refusesToSignInAPage]) {
      await what(page);
      console.log(`a page ${what.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`);
    }
  });
} finally {
  site.close();
}
