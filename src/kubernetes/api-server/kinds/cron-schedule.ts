/** The five fields of a cron schedule, checked as the CronJob controller's parser (`robfig/cron/v3`) would. */

interface Bounds {
  low: number;
  high: number;
  names?: readonly string[];
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const DAYS = "sun mon tue wed thu fri sat".split(" ");
const FIELDS: Bounds[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: ["", ...MONTHS] },
  { low: 0, high: 6, names: DAYS },
];
const DESCRIPTORS = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/;

/** Why a text is no schedule, or undefined. */
export function cronProblem(schedule: string): string | undefined {
  if (schedule.startsWith("@")) return descriptorProblem(schedule);
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== FIELDS.length)
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(" ")}]`;
  for (const [index, field] of fields.entries()) {
    for (const range of field.split(",")) {
      const problem = rangeProblem(range, FIELDS[index]);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function descriptorProblem(schedule: string): string | undefined {
  if (DESCRIPTORS.test(schedule)) return undefined;
  const every = /^@every (.*)$/.exec(schedule);
  if (every === null) return `unrecognized descriptor: ${schedule}`;
  if (/^([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(every[1])) return undefined;
  return `failed to parse duration ${schedule}: time: invalid duration ${JSON.stringify(every[1])}`;
}

/** `*`, `3`, `1-5`, each with a step. */
function rangeProblem(text: string, bounds: Bounds): string | undefined {
  const [range, ...steps] = text.split("/");
  const ends = range.split("-");
  let [start, end] = [bounds.low, bounds.high];
  if (ends[0] === "*" || ends[0] === "?") {
    if (ends.length > 1) return `too many hyphens: ${text}`;
  } else {
    const values = ends.map((each) => numberIn(each, bounds));
    const problem = values.find((value) => typeof value === "string");
    if (problem !== undefined) return problem as string;
    if (ends.length > 2) return `too many hyphens: ${text}`;
    start = values[0] as number;
    // A start with a step goes on to the end.
    end = ends.length === 2 ? (values[1] as number) : steps.length > 0 ? bounds.high : start;
  }
  if (steps.length > 1) return `too many slashes: ${text}`;
  const step = steps.length === 0 ? 1 : numberOf(steps[0]);
  if (typeof step === "string") return step;
  if (start < bounds.low) return `beginning of range (${start}) below minimum (${bounds.low}): ${text}`;
  if (end > bounds.high) return `end of range (${end}) above maximum (${bounds.high}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return step === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

function numberIn(text: string, { names }: Bounds): number | string {
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  return index > 0 || (index === 0 && text !== "") ? index : numberOf(text);
}

function numberOf(text: string): number | string {
  if (/^-\d+$/.test(text)) return `negative number (${text}) not allowed: ${text}`;
  if (/^\+?\d{1,18}$/.test(text)) return Number(text);
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}
