// What players saw: node report.mjs <ledger>. Exits 1 where it is not what expected.mjs allows.
import { readFileSync } from 'node:fs';
import { isAllowed, succeedsAfterARetry } from './expected.mjs';
import { isFailure } from './ledger.mjs';

/** What ends before the first event is judged too; nobody need ask for anything then. */
const BEFORE = 'before anything happens';
const COLUMNS = ['traffic', 'requests', 'failed', 'how', 'after a retry', 'first to last', 'longest wait'];

const events = readEvents(readFileSync(process.argv[2], 'utf8'));
const complaints = events.flatMap(complaintsAbout);
events.slice(1).forEach(print);
printSum();
complaints.forEach((complaint) => console.log(`NOT AS EXPECTED: ${complaint}`));
process.exitCode = complaints.length > 0 ? 1 : 0;

/** Each event with what ended during it, and with later attempts at what failed then. */
function readEvents(ledger) {
  const events = [{ name: BEFORE, began: 0, marks: {}, attempts: [] }];
  for (const line of ledger.trim().split('\n').map((text) => JSON.parse(text))) {
    if (line.event) events.push({ name: line.event, began: line.at, marks: {}, attempts: [] });
    else if (line.mark) events.at(-1).marks[line.mark] = line.at;
    else events.findLast(({ began }) => began <= (line.attempt > 0 ? line.began : line.at)).attempts.push(line);
    events.at(-1).ended = line.at;
  }
  return events;
}

function complaintsAbout({ name, marks, attempts }) {
  const failures = attempts.filter(({ kind }) => isFailure(kind));
  const unexpected = failures.filter((failure) => !isAllowed(name, failure, marks));
  const kinds = count(unexpected.map(({ traffic, kind }) => `${kind} of ${traffic}`));
  const complaints = [...kinds].map(([what, times]) => `${name}: ${times} × ${what}`);
  const failedAgain = failures.filter(({ attempt }) => attempt > 0).length;
  if (succeedsAfterARetry.includes(name) && failedAgain > 0) complaints.push(`${name}: ${failedAgain} failed again`);
  if (attempts.length === 0 && name !== BEFORE) complaints.push(`${name}: nobody asked for anything`);
  return complaints;
}

function print({ name, began, ended, attempts }) {
  console.log(`\n${name}, ${seconds(ended - began)}`);
  const kinds = [...new Set(attempts.map(({ traffic }) => traffic))].sort();
  const rows = [COLUMNS, ...kinds.map((traffic) => row(traffic, attempts.filter((attempt) => attempt.traffic === traffic)))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const isText = (column) => column === 0 || column === 3;
  for (const cells of rows) {
    console.log(cells.map((cell, column) => (isText(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ').trimEnd());
  }
}

/** Requests are counted without their repetitions. */
function row(traffic, attempts) {
  const failures = attempts.filter(({ kind }) => isFailure(kind));
  const firsts = failures.filter(({ attempt }) => attempt === 0);
  const how = [...count(firsts.map(({ kind }) => kind))].map(([kind, times]) => `${times} ${kind}`).join(', ');
  const again = failures.filter(({ attempt }) => attempt === 1).length;
  const lasted = failures.length > 0 ? Math.max(...failures.map(({ at }) => at)) - Math.min(...failures.map(({ at }) => at)) : 0;
  const waited = Math.max(0, ...attempts.filter(({ attempt }) => attempt > 0).map(({ waited }) => waited));
  const requests = attempts.filter(({ attempt }) => attempt === 0).length;
  const times = failures.length > 0 ? [seconds(lasted), seconds(waited)] : ['', ''];
  return [traffic, `${requests}`, `${firsts.length}`, how, `${again}`, ...times];
}

function printSum() {
  const kinds = count(events.flatMap(({ attempts }) => attempts.map(({ kind }) => kind)));
  const requests = [...kinds.values()].reduce((sum, times) => sum + times, 0);
  console.log(`\n${requests} answers: ${kinds.get('wrong') ?? 0} with wrong bytes, ${kinds.get('short') ?? 0} short and complete-looking`);
}

function count(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
