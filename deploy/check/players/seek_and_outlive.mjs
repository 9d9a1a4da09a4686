// A page that seeks many times; with `outlive` it then lets its link expire while it is paused, and goes on with another:
//   node seek_and_outlive.mjs <route that signs> <file with the user's header> <file for signatures> <seeks> [outlive]
import { createServer } from 'node:http';
import { appendFileSync, readFileSync } from 'node:fs';
import { expect, expectPlaying, inBrowser, seek } from '../browser.mjs';

const [route, headerFile, secrets, seeks, outlive] = process.argv.slice(2);
const [name, value] = readFileSync(headerFile, 'utf8').trim().split(/: (.*)/s);
const SHORT_SECONDS = 4;

async function link(expiresIn) {
  const body = JSON.stringify({ expiresIn });
  const answer = await fetch(route, { method: 'POST', headers: { [name]: value, 'Content-Type': 'application/json' }, body });
  expect(answer.ok, `a link, got ${answer.status}`);
  const { url, expires_at: expires } = (await answer.json()).data;
  appendFileSync(secrets, `${new URL(url).searchParams.get('signature')}\n`);
  return { url, expires: Date.parse(expires) };
}

// The page's own server: it asks for links on the user's behalf.
const site = createServer(async (request, response) => {
  if (request.url === '/link') return response.end((await link(3600)).url);
  response.setHeader('Content-Type', 'text/html');
  return response.end('<!doctype html><video muted playsinline></video>');
});
await new Promise((listening) => site.listen(0, '127.0.0.1', listening));

// What a page has to do: at an error, another link in the same place.
const listen = () => {
  const video = document.querySelector('video');
  window.renewals = [];
  video.addEventListener('error', async () => {
    const { code, message } = video.error;
    const place = window.wanted ?? video.currentTime;
    window.renewals.push(`${code} (${message.split(':')[0]}) ${((performance.now() - window.soughtAt) / 1000).toFixed(0)} s later`);
    video.src = await (await fetch('/link')).text();
    video.currentTime = place;
    await video.play();
  });
};

const open = (page, target) => page.evaluate(async (url) => {
  const video = document.querySelector('video');
  video.src = url;
  await video.play();
}, target);

async function seekManyTimes(page) {
  await open(page, (await link(3600)).url);
  await expectPlaying(page);
  const duration = await page.evaluate(() => document.querySelector('video').duration);
  for (let jump = 1; jump <= Number(seeks); jump += 1) {
    const place = ((jump * 137) % 97) / 100 * duration;
    const at = await seek(page, place);
    expect(Math.abs(at - place) < 0.5, `the player at ${place} s, it is at ${at} s`);
  }
  expect(await page.evaluate(() => window.renewals.length) === 0, 'no error while the link was good');
  return duration;
}

async function pauseOverExpiry(page, duration) {
  const { url, expires } = await link(SHORT_SECONDS);
  await open(page, url);
  await expectPlaying(page);
  await page.evaluate(() => document.querySelector('video').pause());
  await new Promise((expired) => setTimeout(expired, expires + 2000 - Date.now()));
  const far = 0.75 * duration;
  await page.evaluate((place) => {
    window.wanted = place;
    window.soughtAt = performance.now();
    document.querySelector('video').currentTime = place;
  }, far);
  await page.waitForFunction((place) => {
    const video = document.querySelector('video');
    return window.renewals.length > 0 && !video.paused && video.currentTime > place + 0.5 && video.currentTime < place + 60;
  }, far);
  return page.evaluate(() => window.renewals);
}

await inBrowser(async (page) => {
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await page.evaluate(listen);
  const duration = await seekManyTimes(page);
  console.log(`${seeks} seeks, each to its place`);
  if (outlive !== 'outlive') return;
  const renewals = await pauseOverExpiry(page, duration);
  console.log(`a seek past the link's end gave error ${renewals.join(', ')}; another link went on at the same place`);
});
site.close();
