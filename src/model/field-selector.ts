/** Field selectors: `metadata.name=x,status.phase!=Running` (apimachinery `fields/selector.go`). */

export interface FieldRequirement {
  field: string;
  equal: boolean;
  value: string;
}

/** All requirements must hold. None: everything matches. */
export type FieldSelector = readonly FieldRequirement[];

/**
 * Reads the text form. `\\`, `\,` and `\=` are escapes in values.
 *
 * @throws Error `invalid selector: '…'; can't understand '…'`.
 */
export function parseFieldSelector(text: string): FieldSelector {
  return splitTerms(text)
    .sort()
    .filter((term) => term !== "")
    .map((term) => parseTerm(text, term));
}

/** Compares `fieldOf(requirement.field)`, "" where the object does not have it. */
export function matchesFields(selector: FieldSelector, fieldOf: (field: string) => string): boolean {
  return selector.every(({ field, equal, value }) => (fieldOf(field) === value) === equal);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === ",") {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

const OPERATORS = ["!=", "==", "="];

/** The first operator parts the field from the value, whatever stands before it. */
function parseTerm(text: string, term: string): FieldRequirement {
  for (let at = 0; at < term.length; at++) {
    const operator = OPERATORS.find((each) => term.startsWith(each, at));
    if (operator === undefined) continue;
    const [field, value] = [term.slice(0, at), term.slice(at + operator.length)];
    return { field, equal: operator !== "!=", value: unescaped(value) };
  }
  throw new Error(`invalid selector: '${text}'; can't understand '${term}'`);
}

/** `UnescapeValue` */
function unescaped(value: string): string {
  const wrong = /^(?:[^\\,=]|\\[\\,=])*([\s\S][\s\S]?)?/.exec(value)?.[1];
  if (wrong === undefined) return value.replace(/\\([\\,=])/g, "$1");
  if (wrong[0] !== "\\")
    throw new Error(`invalid field selector: unescaped character in value: ${wrong.charCodeAt(0)}`);
  throw new Error(
    wrong.length === 1
      ? "invalid field selector: invalid escape sequence: \\"
      : `invalid field selector: invalid escape sequence: ${wrong}`,
  );
}
