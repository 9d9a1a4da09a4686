// Debian's Chromium, and what a person does with a player: press play, watch, seek back and forth.
import { createRequire } from 'node:module';

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const PATIENCE_MS = 60_000;

export async function inBrowser(use) {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await use(page);
  } finally {
    await browser.close();
  }
}

export function expect(holds, what) {
  if (!holds) throw new Error(`expected ${what}`);
}

// The page's video plays: its time advances on its own.
export async function expectPlaying(page) {
  await page.waitForFunction(() => {
    const video = document.querySelector('video');
    if (video?.error) throw new Error(`the video failed: ${video.error.message}`);
    return video && !video.paused && video.currentTime > 1;
  });
}

// Jumps to a place and waits for `seeked`; gives the place that the player says it is at.
export function seek(page, seconds) {
  const jump = ([place, patience]) => new Promise((resolve, reject) => {
    const video = document.querySelector('video');
    const timer = setTimeout(() => reject(new Error(`no 'seeked' at ${place} s`)), patience);
    video.addEventListener('seeked', () => { clearTimeout(timer); resolve(video.currentTime); }, { once: true });
    video.currentTime = place;
  });
  return page.evaluate(jump, [seconds, PATIENCE_MS]);
}
