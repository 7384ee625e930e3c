/** A panel's field settings applied to its data: defaults, then every override that matches (upstream `fieldOverrides.ts`). */
import { displayNameOf, type Field, type FieldConfig, type Frame } from "./frame.ts";

export interface PanelFieldConfig {
  defaults: FieldConfig;
  overrides: FieldOverride[];
}

export interface FieldOverride {
  matcher: { id: string; options?: unknown };
  properties: { id: string; value?: unknown }[];
}

/** Copies of the frames whose fields have all that is set for them. */
export function applyFieldConfig(
  frames: readonly Frame[],
  { defaults, overrides }: PanelFieldConfig,
): Frame[] {
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const config = mergeConfig(defaults, field.config);
      const withDefaults = { ...field, config };
      for (const { matcher, properties } of overrides) {
        if (!matches(withDefaults, frame, matcher, frames)) continue;
        for (const { id, value } of properties) setProperty(config, id, value);
      }
      return withDefaults;
    }),
  }));
}

/** What the data say wins over the panel's defaults, but for settings that the data leave open. */
function mergeConfig(defaults: FieldConfig, own: FieldConfig): FieldConfig {
  return { ...defaults, ...own, custom: { ...defaults.custom, ...own.custom } };
}

function setProperty(config: FieldConfig, id: string, value: unknown): void {
  if (!id.startsWith("custom.")) {
    (config as Record<string, unknown>)[id] = value;
    return;
  }
  const path = id.slice("custom.".length).split(".");
  let target = (config.custom ??= {});
  for (const key of path.slice(0, -1)) {
    target = target[key] = { ...(target[key] as Record<string, unknown> | undefined) };
  }
  target[path.at(-1)!] = value;
}

function matches(
  field: Field,
  frame: Frame,
  matcher: FieldOverride["matcher"],
  frames: readonly Frame[],
): boolean {
  const { id, options } = matcher;
  const name = displayNameOf(field, frame);
  if (id === "byName") return name === options || field.name === options;
  if (id === "byRegexp") return toRegExp(String(options)).test(name);
  if (id === "byType") return field.type === options;
  if (id === "byFrameRefID") return frame.refId === options;
  if (id === "byNames") {
    const { names = [], mode } = (options ?? {}) as { names?: string[]; mode?: string };
    return names.includes(name) !== (mode === "exclude");
  }
  if (id === "byValue") return frames.length > 0 && matchesValue(field, options);
  return false;
}

function matchesValue(field: Field, options: unknown): boolean {
  const { op, value } = (options ?? {}) as { op?: string; value?: number };
  const latest = field.values.findLast((item) => item !== null);
  if (typeof latest !== "number" || value === undefined) return false;
  return op === "gte" ? latest >= value : op === "lte" ? latest <= value : latest === value;
}

/** `/…/i` or the bare pattern. A pattern that is none matches nothing. */
export function toRegExp(text: string): RegExp {
  const [, pattern, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [text, text, ""];
  try {
    return new RegExp(pattern, flags.replace(/[^gimsuy]/g, ""));
  } catch {
    return /(?!)/;
  }
}
