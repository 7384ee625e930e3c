import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { textEntries } from "./scraped-entry.ts";
import { startTimeEntries } from "./start-time-entries.ts";
import { TextParser } from "./text-parser.ts";

/** `name{labels}=start` of each sample, and the kinds of the other entries. */
function read(text: string, typeAndUnitLabels = false): string[] {
  const bytes = new TextEncoder().encode(`${text}# EOF\n`);
  const parser = new TextParser(bytes, { format: "openmetrics", typeAndUnitLabels });
  return Array.from(startTimeEntries(textEntries(parser)), (entry) => {
    if (entry.kind !== "sample") return entry.kind;
    const [, name, ...labels] = entry.labels();
    return `${name}{${labels.join(" ")}}=${entry.startTimestampMs}`;
  });
}

test("startTimeEntries() finds the start of a metric behind its samples", () => {
  const cases: [text: string, expected: string[]][] = [
    ["# TYPE c counter\nc_total 1\nc_created 1.5\n", ["type", "c_total{}=1500"]],
    // Each series its own, in the order of the series.
    [
      '# TYPE c counter\nc_total{a="1"} 1\nc_created{a="1"} 1\nc_total{a="2"} 1\nc_created{a="2"} 2\n',
      ["type", "c_total{a 1}=1000", "c_total{a 2}=2000"],
    ],
    // The next one is another's: it has none.
    ['# TYPE c counter\nc_total{a="1"} 1\nc_created{a="2"} 2\n', ["type", "c_total{a 1}=0"]],
    // One before the samples is not looked at.
    ["# TYPE c counter\nc_created 1\nc_total 1\n", ["type", "c_total{}=0"]],
    [
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_created 3\nh_sum 1\n',
      ["type", "h_bucket{le 1.0}=3000", "h_bucket{le +Inf}=3000", "h_count{}=3000", "h_sum{}=3000"],
    ],
    // Of types that do not count from a time on it is a sample like others.
    ["# TYPE g gauge\ng 1\ng_created 2\n", ["type", "g{}=0", "g_created{}=0"]],
    ["# TYPE c counter\nc_total 1\n# TYPE d counter\nd_created 1\n", ["type", "c_total{}=0", "type"]],
  ];
  for (const [text, expected] of cases) assert.deepEqual(read(text), expected, text);
});

test("startTimeEntries() leaves all entries but `_created` as they are (seed 3)", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    let text = "";
    for (let family = 0; family < 4; family++) {
      const type = ["counter", "gauge", "histogram", "summary", "unknown"][randomInteger(random, 5)];
      text += `# TYPE f${family} ${type}\n`;
      for (let i = randomInteger(random, 6); i > 0; i--) {
        const suffix = ["_total", "_created", "_count", "_sum", ""][randomInteger(random, 5)];
        text += `f${family}${suffix}{a="${randomInteger(random, 2)}"} ${randomInteger(random, 9)}\n`;
      }
    }
    const bytes = new TextEncoder().encode(`${text}# EOF\n`);
    const skipped = new TextParser(bytes, { format: "openmetrics", skipCreated: true });
    const names = Array.from(textEntries(skipped), (entry) =>
      entry.kind === "sample" ? entry.labels().slice(1).join(" ") : entry.kind,
    );
    const ours = read(text).map((line) => line.replace(/=\d+$/, "").replace(/[{}]/g, " ").trim());
    assert.deepEqual(ours, names, text);
  }
});

test("labels() have the metric's type and unit in place of labels of that name", () => {
  assert.deepEqual(
    read(
      '# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total{__type__="x",b="c"} 1\n# TYPE b unknown\nb{__type__="own"} 1\n',
      true,
    ),
    [
      "type",
      "unit",
      "a_seconds_total{__type__ counter __unit__ seconds b c}=0",
      "type",
      // Upstream too knows a unit until the next one.
      "b{__unit__ seconds __type__ own}=0",
    ],
  );
});
