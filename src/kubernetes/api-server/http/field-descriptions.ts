/**
 * What `kubectl explain` says of the built-in kinds and their fields: upstream's own words, read from the comments of
 * the models in `@kubernetes/client-node` (generated there from upstream's OpenAPI document). An installed package has
 * them in one file, made when it is packed.
 */
import { type Disk, isMissing } from "../../../base/disk.ts";
import { builtinTypeNames } from "../../../wire/kubernetes/schema/api-type.ts";

/** Of one type: the type's own text under `""`, its fields' under their names. */
export type TypeDescriptions = Record<string, string>;
/** By the type's name: `core/v1.Pod`. */
export type FieldDescriptions = Record<string, TypeDescriptions>;

/** Below the package's root. */
export const MODELS = "node_modules/@kubernetes/client-node/dist/gen/models";
export const PACKED = "dist/field-descriptions.json";

/** Nothing where neither is there: `explain` then has fields and types only. */
export async function readFieldDescriptions(disk: Disk, packageRoot: string): Promise<FieldDescriptions> {
  const packed = await readText(disk, `${packageRoot}/${PACKED}`);
  if (packed !== undefined) return JSON.parse(packed);
  const found: FieldDescriptions = {};
  await Promise.all(
    builtinTypeNames().map(async (name) => {
      for (const model of modelNames(name)) {
        const text = await readText(disk, `${packageRoot}/${MODELS}/${model}.d.ts`);
        if (text === undefined) continue;
        found[name] = descriptionsIn(text);
        return;
      }
    }),
  );
  return found;
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await disk.readFile(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** `core/v1.EndpointPort` → `CoreV1EndpointPort`, and without the group where no other group has the name. */
function modelNames(type: string): string[] {
  const [, group, version, kind] = /^(\w+)\/(\w+)\.(\w+)$/.exec(type) ?? [];
  if (kind === undefined) return [];
  const [inGroup, inVersion] = [group, version].map((text) => text[0].toUpperCase() + text.slice(1));
  return [`${inGroup}${inVersion}${kind}`, `${inVersion}${kind}`];
}

/** A field of this type has the type's text in the place of its own. */
const OF_THE_TYPE = "IntOrString is a type that can hold";

/** The texts of a model's declaration. */
export function descriptionsIn(declaration: string): TypeDescriptions {
  const texts: TypeDescriptions = {};
  const own = /\/\*\*\n\* ([^\n]*)\n\*\/\nexport declare class/.exec(declaration)?.[1];
  if (own !== undefined) texts[""] = plain(own);
  for (const [, text, field] of declaration.matchAll(/ \* ([^\n]*)\n\s+\*\/\n\s+'(\w+)'\??:/g))
    if (!text.startsWith(OF_THE_TYPE)) texts[field] = plain(text);
  return texts;
}

/** Quotes are escaped there, and paragraphs and the lines of a list run on. */
function plain(text: string): string {
  return text
    .replace(/\\(['"])/g, "$1")
    .replace(/ {3}- /g, "\n  - ")
    .replace(/ (?=\* ['A-Z])/g, "\n")
    .replace(/(?<=[.:]) {2}(?=\S)/g, "\n\n")
    .trim();
}
