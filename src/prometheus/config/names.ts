/** Which names metrics and labels may have (`model.ValidationScheme`). */

/** `legacy`: letters, digits, `_` and `:`. `utf8`: anything that is not empty. */
export type NameValidation = "legacy" | "utf8";

const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Stands where bytes were not UTF-8. */
const INVALID = "�";

export function isValidLabelName(name: string, scheme: NameValidation): boolean {
  return scheme === "legacy" ? LEGACY_LABEL.test(name) : name !== "" && isWellFormed(name);
}

export function isValidMetricName(name: string, scheme: NameValidation): boolean {
  return scheme === "legacy" ? LEGACY_METRIC.test(name) : name !== "" && isWellFormed(name);
}

function isWellFormed(text: string): boolean {
  return !text.includes(INVALID) && text.isWellFormed();
}

export function isValidLabelValue(value: string): boolean {
  return isWellFormed(value);
}
