/** Which metric family a series belongs to, for remote write 2.0: metadata travels with each series there. */
import type { Clock } from "../../base/clock.ts";
import type { WriteMetadata } from "../../wire/remote-write/write-request.ts";

export type FamilyMetadata = WriteMetadata & { metric: string };

/** What is known of families is asked for again after this long. */
const REFRESH_MS = 60_000;
/** And for a series of which nothing is known, as soon as this: its family may just have come. */
const RETRY_MS = 1_000;

/** What a series' name may have behind its family's, by the family's type (`scrape.isSeriesPartOfFamily`). */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  histogram: ["_bucket", "_sum", "_count"],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
  summary: ["_sum", "_count"],
  info: ["_info"],
};
const ANY_SUFFIX = /_(?:total|bucket|sum|count|gsum|gcount|info)$/;

export class SeriesMetadata {
  readonly #clock: Clock;
  readonly #families: () => Iterable<FamilyMetadata>;
  #known = new Map<string, WriteMetadata>();
  #readMs = Number.NEGATIVE_INFINITY;

  /** @param families all that are known now; of two with one name the first counts */
  constructor(clock: Clock, families: () => Iterable<FamilyMetadata>) {
    this.#clock = clock;
    this.#families = families;
  }

  /** @param name the series' `__name__` */
  of(name: string): WriteMetadata | undefined {
    const sinceMs = this.#clock.now() - this.#readMs;
    if (sinceMs >= REFRESH_MS) this.#read();
    const found = this.#find(name);
    if (found !== undefined || sinceMs < RETRY_MS || sinceMs >= REFRESH_MS) return found;
    this.#read();
    return this.#find(name);
  }

  #read(): void {
    this.#readMs = this.#clock.now();
    this.#known = new Map();
    for (const { metric, type, help, unit } of this.#families())
      if (!this.#known.has(metric)) this.#known.set(metric, { type, help, unit });
  }

  #find(name: string): WriteMetadata | undefined {
    const own = this.#known.get(name);
    if (own !== undefined && !isPartOnly(name, own.type)) return own;
    const suffix = ANY_SUFFIX.exec(name)?.[0];
    if (suffix === undefined) return undefined;
    const family = this.#known.get(name.slice(0, -suffix.length));
    return family !== undefined && SUFFIXES[family.type]?.includes(suffix) ? family : undefined;
  }
}

/** A histogram's or summary's family that itself ends as a part of one does has no series of that very name. */
function isPartOnly(name: string, type: string): boolean {
  if (type === "counter" || type === "info") return false;
  return SUFFIXES[type]?.some((suffix) => name.endsWith(suffix)) ?? false;
}
