/** Errors about one field, in the words of apimachinery `util/validation/field`. */
import { quoteGo } from "../../model/go-quote.ts";
import type { StatusCause } from "../../model/kubernetes-status.ts";
import { goJson } from "./go-json.ts";

/** Texts as Go literals, anything else as JSON. */
function shown(value: unknown): string {
  return typeof value === "string" ? quoteGo(value) : goJson(value);
}

function cause(reason: string, field: string, message: string, detail = ""): StatusCause {
  return { reason, message: detail === "" ? message : `${message}: ${detail}`, field };
}

export function required(field: string, detail = ""): StatusCause {
  return cause("FieldValueRequired", field, "Required value", detail);
}

export function invalidValue(field: string, value: unknown, detail: string): StatusCause {
  return cause("FieldValueInvalid", field, `Invalid value: ${shown(value)}`, detail);
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map(quoteGo).join(", ");
  return cause(
    "FieldValueNotSupported",
    field,
    `Unsupported value: ${shown(value)}`,
    `supported values: ${list}`,
  );
}

export function duplicate(field: string, value: unknown, detail = ""): StatusCause {
  return cause("FieldValueDuplicate", field, `Duplicate value: ${shown(value)}`, detail);
}

export function tooMany(field: string, count: number, limit: number): StatusCause {
  return cause("FieldValueTooMany", field, `Too many: ${count}`, `must have at most ${limit} items`);
}

/** @param limit in bytes */
export function tooLong(field: string, limit: number): StatusCause {
  return cause("FieldValueTooLong", field, "Too long", `may not be more than ${limit} bytes`);
}

export function missingReference(field: string, value: unknown): StatusCause {
  return cause("FieldValueNotFound", field, `Not found: ${shown(value)}`);
}

export function forbiddenField(field: string, detail: string): StatusCause {
  return cause("FieldValueForbidden", field, "Forbidden", detail);
}

/** A whole number that may not be negative, where one is given. */
export function notNegative(field: string, value: unknown): StatusCause[] {
  return typeof value === "number" && value < 0
    ? [invalidValue(field, value, "must be greater than or equal to 0")]
    : [];
}
