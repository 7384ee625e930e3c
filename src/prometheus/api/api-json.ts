/**
 * JSON as upstream's encoder writes it: what could be HTML in texts is escaped, save in sets of labels, which have an
 * encoder of their own (`web/api/v1/json_codec.go`).
 */
import { Labels } from "../../model/labels.ts";
import type { JsonBytes } from "./json-bytes.ts";

/** How an answer begins that has data. */
export const DATA_START = '{"status":"success","data":';

/** An answer with its data as JSON already, from `DATA_START` on, for results too large to be built as objects first. */
export class RawJson {
  readonly json: JsonBytes;

  constructor(json: JsonBytes) {
    this.json = json;
  }
}

const HTML = /[<>&\u2028\u2029]/g;

/** A text in quotes. */
export function textJson(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    HTML,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Labels as a JSON object. */
export function labelsJson({ flat }: Labels): string {
  const parts: string[] = [];
  for (let i = 0; i < flat.length; i += 2)
    parts.push(`${JSON.stringify(flat[i])}:${JSON.stringify(flat[i + 1])}`);
  return `{${parts.join(",")}}`;
}

/** Any plain value, `Labels` among it. Undefined for undefined. */
export function apiJson(value: unknown): string | undefined {
  if (value instanceof Labels) return labelsJson(value);
  if (typeof value === "string") return textJson(value);
  if (Array.isArray(value)) return `[${value.map((item) => apiJson(item) ?? "null").join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    const text = apiJson(inner);
    if (text !== undefined) parts.push(`${textJson(name)}:${text}`);
  }
  return `{${parts.join(",")}}`;
}
