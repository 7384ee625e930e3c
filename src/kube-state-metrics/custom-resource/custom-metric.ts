/** What one metric of the configuration says of an object (upstream `pkg/customresourcestate/registry_factory.go`). */
import type { MetricConfig } from "./custom-resource-config.ts";
import { goText, toNumber } from "./number-value.ts";
import { compilePath, isRecord, pathText, type ValuePath } from "./value-path.ts";

export interface CustomValue {
  labels: Record<string, string>;
  value: number;
}

export interface CustomMetric {
  type: "gauge" | "info" | "stateset";
  /** The values, in the order of their labels; what can not be told goes to `onError`. */
  values(object: unknown, onError: (error: Error) => void): CustomValue[];
}

export type LabelPaths = ReadonlyMap<string, ValuePath>;

export function compileLabels(paths: Record<string, string[]> = {}): LabelPaths {
  return new Map(
    Object.entries(paths).map(([label, path]) => {
      try {
        return [label, compilePath(path)];
      } catch (error) {
        throw new Error(`labelsFromPath: ${label}: ${(error as Error).message}`);
      }
    }),
  );
}

/** Reads each label; one whose name begins or ends with `*` stands for all the fields of an object. */
export function addLabels(object: unknown, paths: LabelPaths, labels: Record<string, string>): void {
  const isStar = (name: string) => name.startsWith("*") || name.endsWith("*");
  // Those that are named win.
  for (const [star, path] of [...paths].filter(([name]) => isStar(name)).sort()) {
    const fields = path.read(object);
    if (!isRecord(fields)) continue;
    const prefix = star.endsWith("*") ? star.slice(0, -1) : "";
    for (const [name, value] of Object.entries(fields)) labels[labelName(prefix + name)] = goText(value);
  }
  for (const [name, path] of paths) {
    if (isStar(name)) continue;
    const value = path.read(object);
    if (value !== undefined && value !== null) labels[labelName(name)] = goText(value);
  }
}

function labelName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, "_");
}

/** @throws Error in upstream's words for a metric that is not whole */
export function compileMetric(config: MetricConfig): CustomMetric {
  const type = config.type?.toLowerCase();
  const metric =
    type === "gauge"
      ? compileGauge(config.gauge)
      : type === "info"
        ? compileInfo(config.info)
        : type === "stateset"
          ? compileStateSet(config.stateSet)
          : undefined;
  if (metric === undefined) throw new Error(`unknown metric type ${type ?? ""}`);
  return {
    ...metric,
    values: (object, onError) => metric.values(object, onError).sort(byLabels),
  };
}

function compileCommon(name: string, config: { path?: string[]; labelsFromPath?: Record<string, string[]> }) {
  try {
    return { path: compilePath(config.path), labels: compileLabels(config.labelsFromPath) };
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`each.${name}: ${message.startsWith("labelsFromPath") ? message : `path: ${message}`}`);
  }
}

function compileGauge(config: MetricConfig["gauge"]): CustomMetric {
  if (config === undefined) throw new Error("expected each.gauge to not be nil");
  const { path, labels: labelPaths } = compileCommon("gauge", config);
  const valueFrom = compilePath(config.valueFrom);
  const { nilIsZero = false, labelFromKey } = config;
  const single = valueFrom.parts.length === 1 ? valueFrom.parts[0] : undefined;
  /** Undefined where there is nothing to tell. */
  const readValue = (element: unknown): number | Error | undefined => {
    const found = valueFrom.read(element);
    if (found !== undefined && found !== null) {
      const number = toNumber(found, nilIsZero);
      return number instanceof Error ? new Error(`${pathText(valueFrom)}: ${number.message}`) : number;
    }
    if (nilIsZero) return 0;
    return element === undefined || element === null ? new Error("got nil while resolving path") : undefined;
  };
  return {
    type: "gauge",
    values(object, onError) {
      const found = path.read(object);
      const results: CustomValue[] = [];
      const add = (value: number | Error | undefined, from: unknown[], key?: string, where = "") => {
        if (value instanceof Error) return onError(new Error(`${pathText(path)}: ${where}${value.message}`));
        if (value === undefined) return;
        const labels: Record<string, string> = {};
        if (key && labelFromKey) labels[labelFromKey] = key;
        for (const place of from) addLabels(place, labelPaths, labels);
        results.push({ labels, value });
      };
      if (Array.isArray(found)) {
        found.forEach((element, index) => {
          add(readValue(element), [element], undefined, `[${index}]: `);
        });
      } else if (isRecord(found)) {
        for (const [key, element] of Object.entries(found)) {
          if (key === single) add(toNumber(element, nilIsZero), [element, found], key, `[${key}]: `);
          else {
            const value = readValue(element);
            // What an element of an object does not have is no fault of the object.
            if (!(value instanceof Error)) add(value, [element, found], key);
          }
        }
      } else add(readValue(found), [found]);
      return results;
    },
  };
}

function compileInfo(config: MetricConfig["info"]): CustomMetric {
  if (config === undefined) throw new Error("expected each.info to not be nil");
  const { path, labels: labelPaths } = compileCommon("info", config);
  const { labelFromKey } = config;
  const infoOf = (element: unknown, labels: Record<string, string> = {}): CustomValue[] => {
    if (element !== undefined && element !== null) addLabels(element, labelPaths, labels);
    return Object.keys(labels).length === 0 ? [] : [{ labels, value: 1 }];
  };
  return {
    type: "info",
    values(object) {
      const found = path.read(object);
      if (Array.isArray(found)) return found.flatMap((element) => infoOf(element));
      if (!isRecord(found)) return infoOf(found);
      const ofFields = Object.entries(found).flatMap(([key, element]) =>
        infoOf(element, key && labelFromKey ? { [labelFromKey]: key } : {}),
      );
      return [...ofFields, ...infoOf(found)];
    },
  };
}

function compileStateSet(config: MetricConfig["stateSet"]): CustomMetric {
  if (config === undefined) throw new Error("expected each.stateSet to not be nil");
  const { path, labels: labelPaths } = compileCommon("stateSet", config);
  const valueFrom = compilePath(config.valueFrom);
  const { list = [], labelName: name = "" } = config;
  return {
    type: "stateset",
    values(object, onError) {
      const found = path.read(object);
      return (Array.isArray(found) ? found : [found]).flatMap((element) => {
        const state = valueFrom.read(element);
        if (state === undefined || state === null) return [];
        if (typeof state !== "string") {
          const full = compilePath([...path.parts, ...valueFrom.parts]);
          onError(new Error(`${pathText(full)}: expected value for path to be string, got ${goType(state)}`));
          return [];
        }
        return list.map((entry) => {
          const labels = { [name]: entry };
          addLabels(element, labelPaths, labels);
          return { labels, value: entry === state ? 1 : 0 };
        });
      });
    },
  };
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return "map[string]interface {}";
}

function byLabels(a: CustomValue, b: CustomValue): number {
  const [these, those] = [a, b].map(({ labels }) => Object.entries(labels).sort().flat());
  for (let index = 0; index < Math.min(these.length, those.length); index++) {
    if (these[index] !== those[index]) return these[index] < those[index] ? -1 : 1;
  }
  return these.length - those.length;
}
