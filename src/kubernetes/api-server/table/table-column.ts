/** Columns of `kubectl get`, and small parts that many of them share. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { humanDuration } from "../human-duration.ts";

// biome-ignore lint/suspicious/noExplicitAny: kinds differ; every reader names the fields it wants
export type Row = KubernetesObject & Record<string, any>;

export interface TableColumn {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date";
  format: string;
  /** 0: always shown; 1: with `-o wide`. */
  priority: 0 | 1;
  value: (object: Row, nowMs: number) => unknown;
}

type Value = TableColumn["value"];

export const text = (name: string, value: Value): TableColumn => ({
  name,
  type: "string",
  format: "",
  priority: 0,
  value,
});
export const wide = (name: string, value: Value): TableColumn => ({ ...text(name, value), priority: 1 });
export const integer = (name: string, value: Value): TableColumn => ({
  ...text(name, value),
  type: "integer",
});

export const boolean = (name: string, value: Value): TableColumn => ({
  ...text(name, value),
  type: "boolean",
});

export const nameColumn: TableColumn = { ...text("Name", (object) => object.metadata.name), format: "name" };
export const ageColumn: TableColumn = text("Age", (object, now) =>
  since(object.metadata.creationTimestamp, now),
);

/** How long ago a time was, or `<unknown>`. */
export function since(time: string | undefined | null, nowMs: number): string {
  return time ? humanDuration(nowMs - Date.parse(time)) : "<unknown>";
}

export function orNone(value: unknown): unknown {
  return value === undefined || value === null || value === "" ? "<none>" : value;
}

/** `app=web,tier=db`, or `<none>`. */
export function labelText(labels: Record<string, string> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}

interface Template {
  spec?: { containers?: { name: string; image?: string }[] };
}

export const containersColumn = (template: (object: Row) => Template | undefined): TableColumn =>
  wide("Containers", (object) =>
    (template(object)?.spec?.containers ?? []).map((each) => each.name).join(","),
  );

export const imagesColumn = (template: (object: Row) => Template | undefined): TableColumn =>
  wide("Images", (object) =>
    (template(object)?.spec?.containers ?? []).map((each) => each.image ?? "").join(","),
  );
