/**
 * Labels out of attributes: a point's own, and those that its resource and its scope add (upstream's
 * `createAttributes`, `setResourceContext` and `setScopeContext`).
 */
import { quoteGo } from "../../model/go-quote.ts";
import { compareStrings, Labels, METRIC_NAME } from "../../model/labels.ts";
import { type Attributes, attributeOf, type Resource, textOf } from "../../model/otlp-attributes.ts";
import type { ScopeMetrics } from "../../model/otlp-metrics.ts";
import { type NamingOptions, prometheusLabelName, takesUtf8 } from "./names.ts";

export interface AttributeLabelOptions extends NamingOptions {
  /** All resource attributes, or those with these keys, become labels of every series. @default false */
  resourceLabels?: boolean | ((key: string) => boolean);
  /** Go on series that do not have them. */
  externalLabels?: Readonly<Record<string, string>>;
  /** `target_info` has the attributes too that `job` and `instance` are made of. @default false */
  keepIdentifyingAttributes?: boolean;
  /** Name, version, schema and attributes of the scope become labels `otel_scope_…`. @default false */
  scopeLabels?: boolean;
}

/** `[name, value, …]` in order, as in `Labels`. */
export type PointLabels = readonly string[];

const SERVICE_KEYS = ["service.name", "service.namespace", "service.instance.id"];

const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** Says what makes the labels of points; resource, scope and metadata stay until they are set again. */
export class AttributeLabels {
  readonly #options: AttributeLabelOptions;
  readonly #external: ReadonlyMap<string, string>;
  readonly #warn: (text: string) => void;
  readonly #names = new Map<string, string>();
  /** Labels of which it was told that attributes share them. */
  readonly #shared = new Set<string>();
  /** Those that a point has unless it says otherwise. */
  #common: ReadonlyMap<string, string> = NO_LABELS;
  #identity: readonly [string, string][] = [];
  #scope: ReadonlyMap<string, string> = NO_LABELS;
  #metadata: ReadonlyMap<string, string> = NO_LABELS;

  /** @param warn told of attributes whose values are joined */
  constructor(options: AttributeLabelOptions, warn: (text: string) => void) {
    this.#options = options;
    this.#external = new Map(Object.entries(options.externalLabels ?? {}));
    this.#warn = warn;
  }

  /** @throws when a promoted attribute has no name as a label */
  setResource({ attributes }: Resource): void {
    this.#identity = identityOf(attributes);
    this.#scope = NO_LABELS;
    const { resourceLabels = false } = this.#options;
    const isLabel = typeof resourceLabels === "function" ? resourceLabels : () => resourceLabels;
    const common = new Map<string, string>();
    for (const { key, value } of attributes) if (isLabel(key)) common.set(this.#name(key), textOf(value));
    for (const [label, value] of this.#external) setIfMissing(common, label, value);
    this.#common = common;
  }

  /** @throws when an attribute has no name as a label */
  setScope({ scope, schemaUrl }: ScopeMetrics): void {
    this.#scope = NO_LABELS;
    if (this.#options.scopeLabels !== true || scope.name === "") return;
    const labels = new Map<string, string>();
    for (const { key, value } of scope.attributes) labels.set(this.#name(`otel_scope_${key}`), textOf(value));
    labels.set("otel_scope_name", scope.name);
    labels.set("otel_scope_version", scope.version);
    this.#scope = labels.set("otel_scope_schema_url", schemaUrl);
  }

  /** Type and unit of the metric at hand, where series have them; a label set to "" goes. */
  setMetadata(labels: ReadonlyMap<string, string> = NO_LABELS): void {
    this.#metadata = labels;
  }

  /**
   * All labels of a point but its name's and those by which its series differ.
   *
   * @throws when an attribute has no name as a label
   */
  of(attributes: Attributes): PointLabels {
    const pairs = this.#own(attributes, "data point");
    pairs.delete(METRIC_NAME);
    for (const [label, value] of this.#common) setIfMissing(pairs, label, value);
    for (const [label, value] of this.#identity) pairs.set(label, value);
    for (const [label, value] of this.#scope) pairs.set(label, value);
    for (const [label, value] of this.#metadata) pairs.set(label, value);
    return Labels.of(pairs).flat;
  }

  /**
   * What the resource says beyond its identity; undefined where that is nothing or there is no identity.
   *
   * @throws when an attribute has no name as a label
   */
  ofTarget({ attributes }: Resource, name: string): Labels | undefined {
    const rest = attributes.filter(({ key }) => !SERVICE_KEYS.includes(key));
    if (rest.length === 0) return undefined;
    const pairs = this.#own(this.#options.keepIdentifyingAttributes === true ? attributes : rest, "resource");
    for (const [label, value] of this.#identity) pairs.set(label, value);
    for (const [label, value] of this.#external) setIfMissing(pairs, label, value);
    for (const [label, value] of this.#metadata) pairs.set(label, value);
    const labels = Labels.of(pairs.set(METRIC_NAME, name));
    return labels.has("job") || labels.has("instance") ? labels : undefined;
  }

  /** Attributes whose names become the same label are joined with ";", in the order of their original names. */
  #own(attributes: Attributes, source: "data point" | "resource"): Map<string, string> {
    const labels = new Map<string, string>();
    const isTranslated = !takesUtf8(this.#options);
    let isPlain = true;
    for (const { key, value } of attributes) {
      const label = isTranslated ? this.#names.get(key) : key;
      isPlain &&= label !== undefined && !labels.has(label);
      if (!isPlain) break;
      labels.set(label!, textOf(value));
    }
    return isPlain || !isTranslated ? labels : this.#joined(attributes, source);
  }

  #joined(attributes: Attributes, source: "data point" | "resource"): Map<string, string> {
    const labels = new Map<string, string>();
    const isOwn = ({ key }: { key: string }) => key !== METRIC_NAME || source === "resource";
    // In order also for the sake of which name is complained of.
    const sorted = attributes.filter(isOwn).sort((a, b) => compareStrings(a.key, b.key));
    for (const { key, value } of sorted) {
      const label = this.#name(key);
      const before = labels.get(label) ?? "";
      if (before !== "") this.#tellShared(label, sorted, source);
      labels.set(label, before === "" ? textOf(value) : `${before};${textOf(value)}`);
    }
    return labels;
  }

  #tellShared(label: string, sorted: Attributes, source: string): void {
    if (this.#shared.has(label)) return;
    this.#shared.add(label);
    const keys = sorted.map(({ key }) => key).filter((key) => this.#hasName(key, label));
    this.#warn(
      `OTLP ${source} attributes ${keys.map(quoteGo).join(", ")} collide as label ${quoteGo(label)} after name sanitization, values are concatenated with ';'`,
    );
  }

  /** Those behind the name at hand may have none. */
  #hasName(key: string, label: string): boolean {
    try {
      return this.#name(key) === label;
    } catch {
      return false;
    }
  }

  #name(key: string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = prometheusLabelName(key, this.#options);
      this.#names.set(key, name);
    }
    return name;
  }
}

function setIfMissing(labels: Map<string, string>, label: string, value: string): void {
  if ((labels.get(label) ?? "") === "") labels.set(label, value);
}

/** `job` and `instance`. An empty namespace is one too. */
function identityOf(attributes: Attributes): [string, string][] {
  const text = (key: string) => {
    const value = attributeOf(attributes, key);
    return value === undefined ? undefined : textOf(value);
  };
  const service = text("service.name");
  const namespace = text("service.namespace");
  const instance = text("service.instance.id") ?? "";
  const job = service === undefined || namespace === undefined ? service : `${namespace}/${service}`;
  const identity: [string, string][] = [
    ["job", job ?? ""],
    ["instance", instance],
  ];
  return identity.filter(([, value]) => value !== "");
}
