// What a run found: a table to read, JSON to keep, and whether it was as it must be.
import { text } from './settings.js';

const TREND = ['med', 'p(95)', 'p(99)', 'max'];
/** For a threshold that is there to have a metric's part shown, and judges nothing. */
const anything = />=0$/;
/** Of k6's own measures, those that say something of a run here. */
const ours = /^(?!http_|iteration|vus|group_|checks$|data_sent)/;

/** What the suites share. Labels hold no URL, for those are signed. */
export const shared = {
  summaryTrendStats: TREND,
  systemTags: ['scenario', 'name', 'status', 'error_code', 'expected_response'],
  insecureSkipTLSVerify: text('INSECURE') === 'true',
  setupTimeout: '300s',
};

/**
 * `handleSummary` of a suite. `needed` are the metrics without which nothing was shown; `judge(metrics)` gives more
 * verdicts, each with `what`, `is` and `holds`; `about(metrics)` more lines.
 */
export function summary(suite, { needed, judge = () => [], about = () => [] }) {
  return ({ metrics, root_group: group }) => {
    const verdicts = [...presence(metrics, needed), ...checks(group), ...thresholds(metrics), ...judge(metrics)];
    const holds = verdicts.every((verdict) => verdict.holds);
    const values = Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric.values]));
    const lines = [...table(metrics), ...about(metrics), '', ...verdicts.map(sentence)];
    return {
      stdout: `\n${suite}: ${holds ? 'as it must be' : 'NOT as it must be'}\n${lines.join('\n')}\n`,
      [`${text('OUT', '.')}/k6-${suite}.json`]: `${JSON.stringify({ suite, holds, verdicts, metrics: values }, null, 1)}\n`,
    };
  };
}

function presence(metrics, needed) {
  return needed.filter((name) => !(name in metrics)).map((name) => ({ what: `${name}: measured`, is: 'no', holds: false }));
}

/** Those that failed, by name: the threshold on all of them says no more than how many. */
function checks(group) {
  const failing = group.checks.filter(({ fails }) => fails > 0);
  return failing.map(({ name, fails }) => ({ what: name, is: `not so ${fails} times`, holds: false }));
}

function thresholds(metrics) {
  return Object.entries(metrics).flatMap(([name, { thresholds: all = {}, values }]) =>
    Object.entries(all).filter(([condition]) => !anything.test(condition)).map(([condition, { ok }]) => ({
      what: `${name}: ${condition}`,
      is: figure(values[/^[a-z()0-9]+/.exec(condition)[0]] ?? 0),
      holds: ok,
    })),
  );
}

function sentence({ what, is, holds }) {
  return `${holds ? 'holds ' : 'FAILED'}  ${what} (${is})`;
}

function table(metrics) {
  const named = Object.entries(metrics).filter(([name]) => ours.test(name)).sort(([one], [other]) => one.localeCompare(other));
  const rows = named.map(([name, metric]) => [name, ...cells(metric)]);
  const heads = [['', ...TREND], ...rows];
  return heads.map(([name, ...rest]) => `${name.padEnd(36)}${rest.map((cell) => cell.padStart(12)).join('')}`);
}

function cells({ type, contains, values }) {
  const unit = contains === 'time' ? ' ms' : '';
  if (type === 'trend') return TREND.map((name) => `${figure(values[name])}${unit}`);
  if (type === 'rate') return [`${figure(100 * values.rate)} %`, `of ${values.passes + values.fails}`];
  if (type === 'counter') return [figure(values.count), `${figure(values.rate)}/s`];
  return [figure(values.value)];
}

function figure(value) {
  if (typeof value !== 'number') return String(value);
  return Math.abs(value) >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
}
