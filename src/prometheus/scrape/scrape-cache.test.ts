import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { TextParser } from "../../wire/exposition/text-parser.ts";
import type { CachedSeries } from "./cached-series.ts";
import { ScrapeCache } from "./scrape-cache.ts";

const utf8 = new TextEncoder();

/** Reads a body of these samples as a scrape does; what each name was taken for, in the order read. */
function read(cache: ScrapeCache, names: string[], isStored = (_: string) => true): [string, CachedSeries][] {
  cache.begin();
  const parser = new TextParser(utf8.encode(names.map((name, i) => `${name} ${i * 11}\n`).join("")), {
    format: "text",
  });
  const found: [string, CachedSeries][] = [];
  for (;;) {
    let entry = cache.expected(parser);
    if (entry === undefined) {
      if (parser.next() === "end") break;
      entry = cache.lookup(parser, () => entryOf(parser));
    }
    assert.equal(parser.value, found.length * 11);
    const name = names[found.length];
    entry.iteration = cache.iteration;
    if (isStored(name)) cache.track(entry);
    found.push([name, entry]);
  }
  return found;
}

function entryOf(parser: TextParser): CachedSeries {
  const [, name, ...pairs] = parser.labels();
  return {
    labels: Labels.of([["__name__", name], pairs as [string, string]]),
    ref: 0,
    iteration: -1,
    tracked: -1,
  };
}

/** Each once, sorted. */
const namesOf = (entries: Iterable<CachedSeries>) =>
  [...new Set([...entries].map(({ labels }) => labels!.get("id")))].sort();
const nameOf = (id: number) => `metric_${id % 7}{id="${id}"}`;
const idOf = (name: string) => /id="(\d+)"/.exec(name)![1];

test("ScrapeCache finds each sample's entry and what has vanished, whatever the order (seeds 0 to 39)", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = seededRandom(seed);
    const cache = new ScrapeCache();
    let names: string[] = [];
    let stored = new Set<string>();
    let entries = new Map<string, CachedSeries>();
    for (let round = 0; round < 25; round++) {
      const change = random.float();
      if (change < 0.5) names = changed(names, random);
      if (change < 0.05) names = [];
      const isStored = (name: string) => Number(idOf(name)) % 5 > 0 || round % 2 === 0;
      const found = read(cache, names, isStored);
      assert.deepEqual(
        found.map(([, { labels }]) => labels!.get("id")),
        names.map(idOf),
        `seed ${seed}, round ${round}`,
      );
      for (const [name, entry] of found) {
        const before = entries.get(name);
        if (before !== undefined) assert.equal(entry, before, `seed ${seed}, round ${round}: ${name}`);
      }
      const storedNow = new Set(names.filter(isStored));
      const vanished = [...stored].filter((name) => !storedNow.has(name)).map(idOf);
      assert.deepEqual(namesOf(cache.vanished()), vanished.sort(), `seed ${seed}, round ${round}`);
      cache.end(true);
      assert.deepEqual(namesOf(cache.current()), [...storedNow].map(idOf).sort());
      stored = storedNow;
      entries = new Map(found);
    }
  }
});

/** Some names more, some less, some elsewhere, some twice. */
function changed(names: string[], random: ReturnType<typeof seededRandom>): string[] {
  const next = [...names];
  for (let i = 0; i < 1 + randomInteger(random, 6); i++) {
    const at = randomInteger(random, next.length + 1);
    const kind = randomInteger(random, 4);
    if (kind === 0)
      next.splice(at, 0, ...Array.from({ length: 40 }, () => nameOf(randomInteger(random, 500))));
    else if (kind === 1) next.splice(at, 1 + randomInteger(random, 9));
    else if (kind === 2) next.push(...next.splice(at, 3));
    else if (next.length > 0) next.splice(at, 0, next[randomInteger(random, next.length)]);
  }
  return next;
}

test("ScrapeCache keeps what a protobuf's samples are known by, and goes over to text", () => {
  const cache = new ScrapeCache();
  const created: string[] = [];
  const scrape = (keys: string[]) => {
    cache.begin();
    for (const key of keys) {
      const entry = cache.lookupKey(key, () => {
        created.push(key);
        return { labels: Labels.of([["id", key]]), ref: 0, iteration: -1, tracked: -1 };
      });
      entry.iteration = cache.iteration;
      cache.track(entry);
    }
    const vanished = namesOf(cache.vanished());
    cache.end(true);
    return vanished;
  };
  assert.deepEqual(scrape(["a", "b", "c"]), []);
  assert.deepEqual(scrape(["a", "b", "c"]), []);
  assert.deepEqual(scrape(["a", "c"]), ["b"]);
  assert.deepEqual(scrape(["b", "a", "c", "c"]), []);
  assert.deepEqual(created, ["a", "b", "c"]);
  const [first] = read(cache, [nameOf(1)]);
  assert.deepEqual(namesOf(cache.vanished()), ["a", "b", "c"]);
  assert.equal(first[1].labels!.get("id"), "1");
});
