/** Times as Go reads them (`time.Parse` with the layouts of RFC 3339), and its words for what is none. */

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{6}(Z|[+-]\d\d:\d\d)$/;
const LAYOUT = "2006-01-02T15:04:05Z07:00";
const MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00";

/** Parts of a time in their order, by how the layout names them. */
const PARTS: [name: string, pattern: RegExp][] = [
  ["2006", /^\d{4}/],
  ["-", /^-/],
  ["01", /^\d\d/],
  ["-", /^-/],
  ["02", /^\d\d/],
  ["T", /^T/],
  ["15", /^\d\d/],
  [":", /^:/],
  ["04", /^\d\d/],
  [":", /^:/],
  ["05", /^\d\d/],
  [".000000", /^[.,]\d{6}/],
  ["Z07:00", /^(Z|[+-]\d\d:\d\d)$/],
];

/** The time in ms. @throws Error with Go's words */
export function parseGoTime(value: string, isMicro: boolean): number {
  const problem = (isMicro ? MICRO_TIME : TIME).test(value) ? rangeProblem(value) : undefined;
  if (problem !== undefined) throw new Error(`parsing time ${JSON.stringify(value)}: ${problem}`);
  const parsed = Date.parse(value.replace(",", "."));
  if (!Number.isNaN(parsed) && (isMicro ? MICRO_TIME : TIME).test(value)) return parsed;
  throw new Error(partProblem(value, isMicro));
}

function rangeProblem(value: string): string | undefined {
  const [year, month, day, hour, minute, second] = value.split(/[-T:.,Z+]/).map(Number);
  if (month < 1 || month > 12) return "month out of range";
  if (hour > 23) return "hour out of range";
  if (minute > 59) return "minute out of range";
  if (second > 59) return "second out of range";
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return day < 1 || day > days ? "day out of range" : undefined;
}

/** The part at which the value leaves the layout. */
function partProblem(value: string, isMicro: boolean): string {
  const start = `parsing time ${JSON.stringify(value)} as ${JSON.stringify(isMicro ? MICRO_LAYOUT : LAYOUT)}`;
  let rest = value;
  for (const [name, pattern] of PARTS) {
    const isFraction = name === ".000000";
    if (isFraction && !isMicro) {
      rest = rest.replace(/^[.,]\d+/, "");
      continue;
    }
    const found = pattern.exec(rest);
    if (found === null) return `${start}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(name)}`;
    rest = rest.slice(found[0].length);
  }
  return `${start}: cannot parse ${JSON.stringify(value)} as "2006"`;
}
