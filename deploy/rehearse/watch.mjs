// The users of a rehearsal: uploads their files, then reads, signs and uploads without end, and tells the ledger of it.
//
//   node watch.mjs <port> <base URL of the API> <file with an Authorization header> <ledger>
//
// On loopback at that port, for the script that makes things happen:
//   GET /calm           200 if nothing has failed for two seconds, and everything has succeeded since
//   POST /warm          reads every file that is to be in a cache once, whole
//   POST /event/<name>  what ends from here on belongs to it
//   POST /mark/<name>   a moment inside it
//   POST /end           ends
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Ledger } from './ledger.mjs';
import { readRange } from './range.mjs';
import { Service } from './service.mjs';
import { sizes, Traffic } from './traffic.mjs';

const HOT_FILES = 12, LONG_FILES = 3, COLD_FILES = 3;
const VIEWERS = 20;
const COLD_RATE = 4, SIGNED_RATE = 10;
const CALM_MS = 2000;
const WATCHED_FOR_CALM = ['hot', 'cold', 'sign', 'upload', 'new'];

const [port, api, headerFile, ledgerFile] = process.argv.slice(2);
const ledger = new Ledger(ledgerFile);
const service = new Service(api, readFileSync(headerFile, 'utf8').trim().replace(/^Authorization: /, ''));

let lastNumber = 0;
const hot = await store(HOT_FILES, sizes.hot);
const long = await store(LONG_FILES, sizes.long);
const cold = await store(COLD_FILES, sizes.cold);
const traffic = new Traffic(ledger, service, lastNumber + 1);
await warm();
const users = [
  ...Array.from({ length: VIEWERS }, () => traffic.watch(hot)),
  ...long.map((file) => traffic.watchSlowly(file)),
  traffic.seek(cold, COLD_RATE),
  traffic.sign(hot, SIGNED_RATE),
  traffic.publish(),
];
const control = http.createServer(obey).listen(Number(port), '127.0.0.1');

/** So many files of this size, uploaded and with links that outlive the rehearsal. */
async function store(count, size) {
  const files = [];
  while (files.length < count) {
    const number = ++lastNumber;
    const { file } = successful(await service.upload(number, size));
    const { url } = successful(await service.sign(file.id));
    files.push({ number, size, id: file.id, url });
  }
  return files;
}

function successful({ kind, data }) {
  if (kind !== 'done') throw new Error(`before anything had happened: ${kind}`);
  return data;
}

async function warm() {
  for (const file of [...hot, ...long]) {
    const { kind } = await readRange(file, 0, file.size);
    if (kind !== 'exact') throw new Error(`a file could not be read: ${kind}`);
  }
}

async function obey(request, answer) {
  const [, verb, name] = request.url.split('/');
  const obeyed = await perform(verb, decodeURIComponent(name ?? '')).catch((error) => console.error(error.message));
  answer.writeHead(obeyed ? 200 : 503).end();
}

async function perform(verb, name) {
  switch (verb) {
    case 'calm': return ledger.isCalm(WATCHED_FOR_CALM, CALM_MS);
    case 'warm': return warm().then(() => true);
    case 'event': ledger.event(name); return true;
    case 'mark': ledger.mark(name); return true;
    case 'end': end(); return true;
    default: return false;
  }
}

/** What is on its way comes to its end first, but for slow readers, who would take too long. */
function end() {
  traffic.isOver = true;
  control.close();
  setTimeout(() => process.exit(0), 1000);
}
