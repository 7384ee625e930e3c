/** Families of metrics whose values are read when they are asked for. */
import type { FamilyType, MetricFamily } from "../../wire/exposition/exposition-writer.ts";

export type Row = [labels: Record<string, string>, value: number];

/** @param name for counters without `_total` */
export function family(name: string, type: FamilyType, help: string, rows: number | Row[]): MetricFamily {
  const list: Row[] = typeof rows === "number" ? [[{}, rows]] : rows;
  const suffix = type === "counter" ? "_total" : "";
  return { name, type, help, samples: list.map(([labels, value]) => ({ suffix, labels, value })) };
}
