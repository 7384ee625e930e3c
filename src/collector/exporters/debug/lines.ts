/** What every text of the debug exporter is put together from. */
import { type AnyValue, type Attributes, textOf, typeNameOf } from "../../../model/otlp-attributes.ts";

/** Collects lines, each ended by a newline. */
export class Lines {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line);
  }

  /** A heading and a line for each attribute; nothing for none. Attributes stand 5 columns right of the heading's. */
  attributes(heading: string, attributes: Attributes, indent = ""): void {
    if (attributes.length === 0) return;
    this.add(`${heading}:`);
    for (const { key, value } of attributes) this.add(`${indent}     -> ${key}: ${valueText(value)}`);
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

/** `Str(value)` */
export function valueText(value: AnyValue): string {
  return `${typeNameOf(value)}(${textOf(value)})`;
}

/** Go's `time.Time.String` in UTC: `2020-02-11 20:26:12.000000321 +0000 UTC`. */
export function timeText(unixNano: bigint): string {
  const [date, time] = new Date(Number(unixNano / 1_000_000_000n) * 1000).toISOString().split("T");
  const nanos = String(unixNano % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${date} ${time.slice(0, 8)}${nanos === "" ? "" : `.${nanos}`} +0000 UTC`;
}
