/** Medians over the runs, as Markdown. */

export const nameOf = (load) => (load.inFlight === undefined ? `${load.perSecond}/s` : `${load.inFlight} in flight`);

const MEASURES = ['perSecond', 'p50', 'p99', 'p999', 'cpu', 'caller', 'server', 'broker', 'redis'];

/** `runs`: [{ arm, load (its name), result }], in any order. */
export function rowsOf(runs) {
  const groups = groupBy(runs, key);
  return [...groups.values()].map((group) => {
    const results = group.map(({ result }) => result);
    const medians = Object.fromEntries(MEASURES.map((name) => [name, median(results.map((result) => result[name]))]));
    const rates = results.map(({ perSecond }) => perSecond);
    return {
      arm: group[0].arm,
      load: group[0].load,
      ...medians,
      slowest: Math.min(...rates),
      fastest: Math.max(...rates),
      wrong: results.reduce((sum, { wrong }) => sum + wrong, 0),
      errors: results.reduce((sum, { errors }) => sum + Object.values(errors).reduce((one, more) => one + more, 0), 0),
    };
  });
}

export function resultsTable(rows) {
  const header = [
    ['load', 'arm', 'verifications/s', '(min–max)', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    ['caller', 'server', 'broker', 'Redis', 'all CPU µs', 'wrong', 'errors'],
  ].flat();
  return markdown(
    header,
    rows.map((row) => [
      row.load,
      row.arm,
      whole(row.perSecond),
      `${whole(row.slowest)}–${whole(row.fastest)}`,
      short(row.p50),
      short(row.p99),
      short(row.p999),
      short(row.caller),
      short(row.server),
      short(row.broker),
      short(row.redis),
      short(row.cpu),
      whole(row.wrong),
      whole(row.errors),
    ]),
  );
}

/** How one arm stands to another, load by load: rates and latencies as quotients, CPU as how much less. */
export function ratioTable(rows, arm, against) {
  const of = (name, load) => rows.find((row) => row.arm === name && row.load === load);
  const loads = [...new Set(rows.map(({ load }) => load))].filter((load) => of(arm, load) && of(against, load));
  if (loads.length === 0 || arm === against) return undefined;
  return markdown(
    [`${arm} against ${against}`, 'rate ×', 'p50 ×', 'p99 ×', 'all CPU 1/×', 'caller + server CPU 1/×'],
    loads.map((load) => {
      const [one, other] = [of(arm, load), of(against, load)];
      return [
        load,
        ratio(one.perSecond, other.perSecond),
        ratio(one.p50, other.p50),
        ratio(one.p99, other.p99),
        ratio(other.cpu, one.cpu),
        ratio(other.caller + other.server, one.caller + one.server),
      ];
    }),
  );
}

function markdown(header, rows) {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const key = ({ arm, load }) => `${load} ${arm}`;
// Where nothing was answered there is nothing to say.
const whole = (number) => (Number.isFinite(number) ? Math.round(number).toLocaleString('en') : '—');
const short = (number) => (number < 100 ? number.toPrecision(3) : whole(number));
const ratio = (one, other) => short(one / other);

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}
