// node --test proto/js/tests/playback.test.mjs: what needs no browser of keeping a video on links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilesError, keepPlaying } from 't2m-files';

// What `keepPlaying` asks of a media element, without pictures.
class Media extends EventTarget {
  src = '';
  currentTime = 0;
  playbackRate = 1;
  paused = true;
  error = null;
  readyState = 0;
  get currentSrc() { return this.src; }
  pause() { this.paused = true; }
}

test('a service that asks to wait is waited for, whether or not anybody hears of it', async () => {
  const media = new Media();
  const asked = [];
  const link = async () => {
    asked.push(performance.now());
    if (asked.length === 1) throw new FilesError('later', { status: 429, code: 'rate_limited', retryAfterMs: 1500 });
    return { url: 'https://files.example.com/files/secure/a', expiresAt: new Date(), lastsMs: 60_000 };
  };
  const playback = keepPlaying(media, link);
  await playback.started;
  playback.stop();
  assert.equal(media.src, 'https://files.example.com/files/secure/a');
  assert.ok(asked[1] - asked[0] >= 1400, `it waited ${asked[1] - asked[0]} ms`);
});

test('a file that is gone is told of once, and nothing more is asked', async () => {
  const gone = [];
  let asked = 0;
  const link = async () => { asked += 1; throw new FilesError('gone', { status: 404, code: 'not_found' }); };
  const media = new Media();
  await keepPlaying(media, link, { onGone: (error) => gone.push(error.code) }).started;
  media.dispatchEvent(new Event('play'));
  assert.deepEqual([gone, asked], [['not_found'], 1]);
});
