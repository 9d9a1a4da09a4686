// Opens the page that the standalone process prints, and plays the first clip of its list:  node play_page.mjs < address
import { readFileSync } from 'node:fs';
import { expect, expectPlaying, inBrowser, seek } from './browser.mjs';

await inBrowser(async (page) => {
  await page.goto(readFileSync(0, 'utf8').trim());
  await page.getByRole('button', { name: /^Play / }).first().click();
  await expectPlaying(page);
  const duration = await page.evaluate(() => document.querySelector('video').duration);
  for (const place of [0.7, 0.2, 0.5]) {
    const at = await seek(page, place * duration);
    expect(Math.abs(at - place * duration) < 0.5, `the player at ${place * duration} s, it is at ${at} s`);
  }
  expect(!page.url().includes('access='), 'the access token to be gone from the address');
  console.log(`a clip of ${duration.toFixed(1)} s played and seeked on the page`);
});
