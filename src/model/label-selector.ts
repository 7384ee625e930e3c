/**
 * Label selectors in both forms: the text of a query parameter (`app=web,tier in (a,b),!canary`) and the object of a
 * spec (`matchLabels`, `matchExpressions`). Semantics and messages of apimachinery `labels/selector.go`.
 */

export type SelectorOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface Requirement {
  key: string;
  operator: SelectorOperator;
  values: readonly string[];
}

/** All requirements must hold. None: everything matches. */
export type Selector = readonly Requirement[];

/** The object form (`meta/v1` LabelSelector). */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** The longest selector text that is read, in characters. */
export const MAX_SELECTOR_LENGTH = 16_384;

export function matchesSelector(selector: Selector, labels: Record<string, string> | undefined): boolean {
  return selector.every((requirement) => holds(requirement, labels ?? {}));
}

function holds({ key, operator, values }: Requirement, labels: Record<string, string>): boolean {
  const has = Object.hasOwn(labels, key);
  switch (operator) {
    case "exists":
      return has;
    case "!":
      return !has;
    case "=":
    case "==":
    case "in":
      return has && values.includes(labels[key]);
    case "!=":
    case "notin":
      return !has || !values.includes(labels[key]);
    case "gt":
      return has && isInteger(labels[key]) && BigInt(labels[key]) > BigInt(values[0]);
    case "lt":
      return has && isInteger(labels[key]) && BigInt(labels[key]) < BigInt(values[0]);
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?\d{1,19}$/.test(text);
}

const OPERATORS: Record<string, SelectorOperator> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/**
 * From the object form. `undefined` selects nothing and gives `undefined`; an empty object selects everything.
 *
 * @throws Error for an operator that label selectors do not have.
 */
export function selectorOf(selector: LabelSelector | undefined): Selector | undefined {
  if (selector === undefined || selector === null) return undefined;
  const fromLabels = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: "=", values: [value] }),
  );
  const fromExpressions = (selector.matchExpressions ?? []).map(({ key, operator, values }): Requirement => {
    const known = OPERATORS[operator];
    if (known === undefined)
      throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
    return { key, operator: known, values: values ?? [] };
  });
  return [...fromLabels, ...fromExpressions];
}

/** The text form of an object's selector: `app=web,tier in (a,b)`. "" selects everything. */
export function formatSelector(selector: Selector): string {
  return selector
    .map(({ key, operator, values }) => {
      switch (operator) {
        case "exists":
          return key;
        case "!":
          return `!${key}`;
        case "in":
        case "notin":
          return `${key} ${operator} (${[...values].sort().join(",")})`;
        case "gt":
          return `${key}>${values[0]}`;
        case "lt":
          return `${key}<${values[0]}`;
        default:
          return `${key}${operator}${values[0]}`;
      }
    })
    .join(",");
}

/**
 * Reads the text form.
 *
 * @throws Error with the reason, worded as by Kubernetes (`unable to parse requirement: …`).
 */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_LENGTH) {
    throw new Error(`selector is longer than ${MAX_SELECTOR_LENGTH} characters`);
  }
  const tokens = tokenize(text);
  const requirements: Requirement[] = [];
  let position = 0;
  const peek = () => tokens[position];
  const next = () => tokens[position++];
  const first = peek();
  if (first !== undefined && !startsRequirement(first)) {
    throw new Error(`found '${first}', expected: !, identifier, or 'end of string'`);
  }
  while (peek() !== undefined) {
    requirements.push(parseRequirement(peek, next));
    const separator = next();
    if (separator === undefined) break;
    if (separator !== ",") throw new Error(`found '${separator}', expected: ',' or 'end of string'`);
    const following = peek() ?? "";
    if (!startsRequirement(following))
      throw new Error(`found '${following}', expected: identifier after ','`);
  }
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

const TOKEN = /\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const trimmed = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed);
    if (match === null)
      throw new Error(`unable to parse requirement: invalid selector ${JSON.stringify(text)}`);
    tokens.push(match[1]);
  }
  return tokens;
}

const isIdentifier = (token: string) => token !== "" && !/^[=!,()<>]/.test(token);
const startsRequirement = (token: string) => token === "!" || isIdentifier(token);

type Peek = () => string | undefined;

function parseRequirement(peek: Peek, next: Peek): Requirement {
  if (peek() === "!") {
    next();
    return { key: parseKey(next), operator: "!", values: [] };
  }
  const key = parseKey(next);
  const operator = peek();
  if (operator === undefined || operator === ",") return { key, operator: "exists", values: [] };
  next();
  switch (operator) {
    case "=":
    case "==":
    case "!=":
      return { key, operator, values: [checkValue(key, parseExactValue(peek, next))] };
    case "in":
    case "notin":
      return { key, operator, values: parseValues(peek, next).map((value) => checkValue(key, value)) };
    case ">":
    case "<": {
      const value = next() ?? "";
      if (!isInteger(value)) {
        throw new Error(
          `unable to parse requirement: values[0]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
      return { key, operator: operator === ">" ? "gt" : "lt", values: [value] };
    }
    default:
      throw new Error(
        `unable to parse requirement: found '${operator}', expected: in, notin, =, ==, !=, gt, lt`,
      );
  }
}

function parseKey(next: Peek): string {
  const key = next() ?? "";
  if (!isIdentifier(key))
    throw new Error(`unable to parse requirement: found '${key}', expected: identifier`);
  const problem = qualifiedNameProblem(key);
  if (problem !== undefined) {
    throw new Error(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  }
  return key;
}

/** The value of `=`: may be empty (`app=`). */
function parseExactValue(peek: Peek, next: Peek): string {
  const value = peek();
  if (value === undefined || value === ",") return "";
  next();
  if (/^[=!()<>]/.test(value)) {
    throw new Error(`unable to parse requirement: found '${value}', expected: identifier`);
  }
  return value;
}

function parseValues(peek: Peek, next: Peek): string[] {
  const open = next();
  if (open !== "(") throw new Error(`unable to parse requirement: found '${open ?? ""}' expected: '('`);
  const values: string[] = [];
  for (;;) {
    const token = peek();
    if (token === ")" || token === ",") values.push("");
    else {
      if (token === undefined || /^[=!(<>]/.test(token)) {
        throw new Error(`unable to parse requirement: found '${token ?? ""}', expected: ',', or identifier`);
      }
      values.push(token);
      next();
    }
    const separator = next();
    if (separator === ")") return [...new Set(values)];
    if (separator !== ",") {
      throw new Error(`unable to parse requirement: found '${separator ?? ""}', expected: ',' or ')'`);
    }
  }
}

function checkValue(key: string, value: string): string {
  const problem = labelValueProblem(value);
  if (problem === undefined) return value;
  throw new Error(
    `unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`,
  );
}

const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** Why a label or annotation key is not one, or undefined. Wording of apimachinery `validation.IsQualifiedName`. */
export function qualifiedNameProblem(key: string): string | undefined {
  const parts = key.split("/");
  const name = parts[parts.length - 1];
  if (parts.length > 2) {
    return (
      "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
      "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' " +
      "(e.g. 'example.com/MyName')"
    );
  }
  if (parts.length === 2) {
    if (parts[0] === "") return "prefix part must be non-empty";
    const problem = dnsSubdomainProblem(parts[0]);
    if (problem !== undefined) return `prefix part ${problem}`;
  }
  if (name === "") return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 bytes";
  return /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name) ? undefined : NAME_PART;
}

/** Why a text is no label value, or undefined. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return "must be no more than 63 bytes";
  if (/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value)) return undefined;
  return (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start " +
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation " +
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  );
}

/** Why a text is no DNS-1123 subdomain (most object names), or undefined. */
export function dnsSubdomainProblem(name: string): string | undefined {
  if (name.length > 253) return "must be no more than 253 characters";
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) return undefined;
  return (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  );
}

/** Why a text is no DNS-1123 label (namespaces, containers), or undefined. */
export function dnsLabelProblem(name: string): string | undefined {
  if (name.length > 63) return "must be no more than 63 characters";
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
  return (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is " +
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  );
}

/** Why a text is no DNS-1035 label (Services), or undefined. */
export function dns1035LabelProblem(name: string): string | undefined {
  if (name.length > 63) return "must be no more than 63 characters";
  if (/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
  return (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " +
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is " +
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
  );
}
