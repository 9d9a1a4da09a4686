// What a suite is told, by `k6 run -e NAME=value` or by the environment: `bash loadtest/k6.sh --help` says what each is.
import exec from 'k6/execution';

const SECONDS = { s: 1, m: 60, h: 3600 };

export function text(name, otherwise = '') {
  return __ENV[name] || otherwise;
}

export function number(name, otherwise) {
  const value = Number(text(name, String(otherwise)));
  if (Number.isNaN(value)) throw new Error(`${name} must be a number`);
  return value;
}

/** `90s`, `2m`, `1h`, in seconds. */
export function seconds(name, otherwise) {
  const [, amount, unit] = /^(\d+)([smh])$/.exec(text(name, otherwise)) ?? [];
  if (unit === undefined) throw new Error(`${name} must be a time such as 90s, 2m or 1h`);
  return Number(amount) * SECONDS[unit];
}

export function list(name) {
  const entries = text(name).split(',').map((entry) => entry.trim().replace(/\/+$/, ''));
  return entries.filter((entry) => entry !== '');
}

/** As `list`, of at least one. */
export function required(name) {
  const entries = list(name);
  if (entries.length === 0) throw new Error(`${name} is needed; see bash loadtest/k6.sh --help`);
  return entries;
}

/** Of several, the one that this virtual user keeps to. */
export function mine(entries) {
  return entries[exec.vu.idInTest % entries.length];
}
