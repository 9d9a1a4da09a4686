// Uploads on the page that the standalone process prints, over a line that breaks every few megabytes:
//   node upload_page.mjs <port of the line> <a film whose index lies behind its media> < address
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inBrowser } from './browser.mjs';

const address = new URL(readFileSync(0, 'utf8').trim());
address.port = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'upload-page.'));

function made(name) {
  const [path, bytes] = [join(folder, name), randomBytes(40e6)];
  writeFileSync(path, bytes);
  return { name, path, sha256: createHash('sha256').update(bytes).digest('hex') };
}
const words = (page) => page.locator('#what').textContent();
const share = async (page) => Number((await words(page)).match(/: (\d+) %/)?.[1] ?? 100);
const until = (page, percent) =>
  page.waitForFunction((least) => (document.querySelector('#what').textContent.match(/: (\d+) %/)?.[1] ?? 0) >= least, percent);
const choose = (page, file) => page.locator('input[type=file]').setInputFiles(file.path);

async function expectStored(page, file) {
  await page.waitForFunction((name) => document.querySelector('h3')?.textContent === name, file.name);
  const listed = await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${sessionStorage.getItem('access')}` };
    return (await (await fetch('/api/v1/files?limit=1', { headers })).json()).data.files[0];
  });
  expect(listed.sha256 === file.sha256, `the SHA-256 of ${file.name} to be that of the bytes chosen`);
  await page.locator('#sending').waitFor({ state: 'hidden' });
}

// A file that is dropped goes on by itself whenever its connection breaks.
async function dropped(page) {
  const file = made('dropped.bin');
  const transfer = await page.evaluateHandle(([name, base64]) => {
    const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([content], name));
    return data;
  }, [file.name, readFileSync(file.path, 'base64')]);
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await until(page, 5);
  expect((await words(page)).includes('MB/s'), `a speed, the page says: ${await words(page)}`);
  await expectStored(page, file);
}

// One that is paused stands still until it is resumed.
async function paused(page) {
  const file = made('paused.bin');
  await choose(page, file);
  await until(page, 20);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  const at = await share(page);
  expect((await words(page)).startsWith('Paused ') && at < 100, `a pause, the page says: ${await words(page)}`);
  await page.waitForTimeout(1000);
  expect((await share(page)) === at, 'a paused upload to stand still');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expectStored(page, file);
}

// One whose page was left goes on where it stood when it is chosen again.
async function reloaded(page) {
  const file = made('reloaded.bin');
  await choose(page, file);
  await until(page, 50);
  page.once('dialog', (dialog) => dialog.accept());
  await page.reload();
  await page.locator('#drop').waitFor();
  let least = 100;
  page.on('request', (request) => {
    if (request.method() === 'PATCH') least = Math.min(least, (100 * request.headers()['upload-offset']) / 40e6);
  });
  await choose(page, file);
  await expectStored(page, file);
  expect(least >= 20, `it to go on where it stood, it went on at ${least} %`);
}

// One that is cancelled is gone.
async function cancelled(page) {
  await choose(page, made('cancelled.bin'));
  await until(page, 10);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('#sending').waitFor({ state: 'hidden' });
  expect(!(await page.locator('h3').allTextContents()).includes('cancelled.bin'), 'a cancelled file not to be listed');
}

// What the service has to say of a file is shown where it is said that it is stored.
async function warned(page) {
  await choose(page, { path: process.argv[3] });
  await page.waitForFunction(() => /is stored\. .*faststart/.test(document.querySelector('#notice').textContent));
}

try {
  await inBrowser(async (page) => {
    await page.goto(address.href);
    await page.locator('h3').first().waitFor();
    for (const upload of [dropped, paused, reloaded, cancelled, warned]) {
      await upload(page);
      console.log(`an upload that is ${upload.name}: as it should be`);
    }
  });
} finally {
  rmSync(folder, { recursive: true });
}
