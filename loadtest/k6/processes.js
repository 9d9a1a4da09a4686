// What a service holds, by its own `/metrics`, since its load became steady.
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { list, number } from './settings.js';

/** Until then everybody comes, and what is kept for speed is filled. */
const STEADY_FROM = 0.25;
const MIB = 1024 * 1024;
const places = [...list('ADMIN'), ...list('INTERNAL')];

const memoryHeld = new Trend('memory_mib');
const memoryGrowth = new Trend('memory_growth_mib');
const filesGrowth = new Trend('open_files_growth');
/** By place: what it held when the load became steady. One virtual user looks, so this is all of it. */
const steady = {};

/** What may not be past its bound at any look: nothing is judged where no service shows its metrics. */
export const grown =
  places.length === 0
    ? {}
    : {
        memory_growth_mib: [`max<${number('MEMORY_MIB', 16)}`],
        // Viewers come and go, each with a connection and an open file.
        open_files_growth: [`max<${number('OPEN_FILES', 250)}`],
      };

/** `progress` of the run, from 0 to 1. */
export function look(progress) {
  places.forEach((place) => {
    const answer = http.get(`${place}/metrics`, { tags: { name: 'metrics' } });
    if (answer.status !== 200) return;
    const memory = value(answer.body, 'process_resident_memory_bytes') / MIB;
    const files = value(answer.body, 'process_open_fds');
    memoryHeld.add(memory, { place });
    if (progress < STEADY_FROM) return;
    steady[place] ??= { memory, files };
    memoryGrowth.add(memory - steady[place].memory, { place });
    filesGrowth.add(files - steady[place].files, { place });
  });
}

function value(text, name) {
  return Number(new RegExp(`^(?:\\w+_)?${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}
