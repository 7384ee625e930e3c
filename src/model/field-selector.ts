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

function parseTerm(text: string, term: string): FieldRequirement {
  const match = /^((?:[^\\=!]|\\.)*?)(!=|==|=)([\s\S]*)$/.exec(term);
  if (match === null) throw new Error(`invalid selector: '${text}'; can't understand '${term}'`);
  const [, field, operator, value] = match;
  return { field, equal: operator !== "!=", value: value.replace(/\\([\\,=])/g, "$1") };
}
