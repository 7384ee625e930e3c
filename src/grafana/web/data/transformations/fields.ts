/** Transformations that choose, order and name fields. */
import { toRegExp } from "../field-config.ts";
import { displayNameOf, type Field, type Frame } from "../frame.ts";

interface OrganizeOptions {
  excludeByName?: Record<string, boolean>;
  includeByName?: Record<string, boolean>;
  indexByName?: Record<string, number>;
  renameByName?: Record<string, string>;
}

export function organize(frames: Frame[], options: OrganizeOptions): Frame[] {
  const { excludeByName = {}, includeByName = {}, indexByName = {}, renameByName = {} } = options;
  const hasIncludes = Object.values(includeByName).some(Boolean);
  return frames.map((frame) => {
    const named = frame.fields
      .map((field) => ({ field, name: displayNameOf(field, frame) }))
      .filter(({ name }) => excludeByName[name] !== true && (!hasIncludes || includeByName[name] === true));
    const position = (name: string) => indexByName[name] ?? Number.MAX_SAFE_INTEGER;
    if (Object.keys(indexByName).length > 0) named.sort((a, b) => position(a.name) - position(b.name));
    const fields = named.map(({ field, name }) =>
      renameByName[name] ? { ...field, config: { ...field.config, displayName: renameByName[name] } } : field,
    );
    return { ...frame, fields };
  });
}

export function filterFieldsByName(
  frames: Frame[],
  options: {
    include?: { names?: string[]; pattern?: string };
    exclude?: { names?: string[]; pattern?: string };
  },
): Frame[] {
  const { include, exclude } = options;
  const named = (name: string, set: { names?: string[]; pattern?: string }) =>
    set.names?.includes(name) === true ||
    (set.pattern !== undefined && set.pattern !== "" && toRegExp(set.pattern).test(name));
  const isKept = (name: string) =>
    (include === undefined || named(name, include)) && (exclude === undefined || !named(name, exclude));
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.filter((field) => isKept(displayNameOf(field, frame))),
  }));
}

export function renameByRegex(
  frames: Frame[],
  { regex = "", renamePattern = "" }: { regex?: string; renamePattern?: string },
): Frame[] {
  const pattern = toRegExp(regex);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const name = displayNameOf(field, frame);
      if (field.type === "time" || !pattern.test(name)) return field;
      return { ...field, config: { ...field.config, displayName: name.replace(pattern, renamePattern) } };
    }),
  }));
}

export function convertFieldType(
  frames: Frame[],
  { conversions = [] }: { conversions?: { targetField?: string; destinationType?: string }[] },
): Frame[] {
  const convert = (value: unknown, type: string) => {
    if (value === null || value === undefined) return value;
    if (type === "number") return Number(value);
    if (type === "time") return typeof value === "number" ? value : Date.parse(String(value));
    return type === "string" ? String(value) : type === "boolean" ? Boolean(value) : value;
  };
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const type = conversions.find(
        ({ targetField }) => targetField === displayNameOf(field, frame),
      )?.destinationType;
      if (type === undefined) return field;
      return {
        ...field,
        type: type as Field["type"],
        values: field.values.map((value) => convert(value, type)),
      };
    }),
  }));
}
