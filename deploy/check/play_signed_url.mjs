// A web page on an origin of its own plays a signed URL:  node play_signed_url.mjs < URL
// The clip's lower edge brightens from black to white over its length, so that a pixel tells which moment is shown.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { expect, expectPlaying, inBrowser, seek } from './browser.mjs';

const url = readFileSync(0, 'utf8').trim();
const PLACES = [0.8, 0.15, 0.6, 0.05, 0.95, 0.3];
const TOLERANCE = 10; // of 255 levels of brightness

const site = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html><video crossorigin="anonymous" muted playsinline></video><canvas></canvas>');
});
await new Promise((listening) => site.listen(0, '127.0.0.1', listening));

// Brightness of the lower edge of the frame now shown. Throws where the canvas is tainted.
const brightness = () => {
  const [video, canvas] = [document.querySelector('video'), document.querySelector('canvas')];
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  return context.getImageData(video.videoWidth / 2, video.videoHeight - 20, 1, 1).data[1];
};

async function expectFrameOf(page, place) {
  const wanted = 255 * place;
  const shown = ([source, level, tolerance]) => Math.abs(Function(`return (${source})()`)() - level) <= tolerance;
  await page.waitForFunction(shown, [brightness.toString(), wanted, TOLERANCE]).catch(async () => {
    throw new Error(`at ${place} of the clip the brightness is ${await page.evaluate(brightness)}, not ${wanted}`);
  });
}

// What a script of that page can read: `bytes=-N` is not a header browsers let through without asking first.
async function expectReadableRange(page) {
  const answer = await page.evaluate(async (target) => {
    const response = await fetch(target, { headers: { Range: 'bytes=-1000' } });
    const [range, etag] = ['content-range', 'etag'].map((name) => response.headers.get(name));
    return { status: response.status, range, etag, length: (await response.arrayBuffer()).byteLength };
  }, url);
  expect(answer.status === 206 && answer.length === 1000, `206 with 1000 bytes, got ${answer.status}, ${answer.length}`);
  expect(/^bytes \d+-\d+\/\d+$/.test(answer.range), `a readable Content-Range, got ${answer.range}`);
  expect(/^"[^"]+"$/.test(answer.etag), `a readable strong ETag, got ${answer.etag}`);
}

await inBrowser(async (page) => {
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await page.evaluate((target) => { document.querySelector('video').src = target; }, url);
  await page.evaluate(() => document.querySelector('video').play());
  await expectPlaying(page);
  const duration = await page.evaluate(() => { const video = document.querySelector('video'); video.pause(); return video.duration; });
  for (const place of PLACES) {
    const at = await seek(page, place * duration);
    expect(Math.abs(at - place * duration) < 0.5, `the player at ${place * duration} s, it is at ${at} s`);
    await expectFrameOf(page, place);
  }
  await expectReadableRange(page);
  console.log(`a clip of ${duration.toFixed(1)} s played, and showed the right frame after ${PLACES.length} seeks`);
});
site.close();
