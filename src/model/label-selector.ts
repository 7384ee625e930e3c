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
      return { key, operator, values: checkValues(key, [parseExactValue(peek, next)]) };
    case "in":
    case "notin":
      return { key, operator, values: checkValues(key, parseValues(peek, next).sort()) };
    case ">":
    case "<": {
      const value = parseExactValue(peek, next);
      const problems = isInteger(value)
        ? []
        : [
            `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
          ];
      return { key, operator: operator === ">" ? "gt" : "lt", values: checkValues(key, [value], problems) };
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
  const problems = qualifiedNameProblems(key);
  if (problems.length === 0) return key;
  // They are told as one.
  const text = problems.join("; ");
  throw new Error(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${text}`);
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
        const expected = values.length === 0 ? "',', ')' or identifier" : "',', or identifier";
        throw new Error(`unable to parse requirement: found '${token ?? ""}', expected: ${expected}`);
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

/** @param problems what is wrong besides */
function checkValues(key: string, values: string[], problems: string[] = []): string[] {
  for (const [index, value] of values.entries()) {
    const texts = labelValueProblems(value);
    if (texts.length > 0)
      problems.push(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${texts.join("; ")}`);
  }
  if (problems.length === 0) return values;
  const all = problems.length === 1 ? problems[0] : `[${problems.join(", ")}]`;
  throw new Error(`unable to parse requirement: ${all}`);
}

const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** A rule of names: what a text does not keep to, in the words of apimachinery `validation`. None: it is such a name. */
export type NameRule = (text: string) => string[];

/** Of label and annotation keys (`IsQualifiedName`). */
export const qualifiedNameProblems: NameRule = (key) => {
  const parts = key.split("/");
  const name = parts[parts.length - 1];
  if (parts.length > 2) {
    return [
      "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
        "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' " +
        "(e.g. 'example.com/MyName')",
    ];
  }
  const problems: string[] = [];
  if (parts.length === 2 && parts[0] === "") problems.push("prefix part must be non-empty");
  else if (parts.length === 2)
    problems.push(...dnsSubdomainProblems(parts[0]).map((problem) => `prefix part ${problem}`));
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push("name part must be no more than 63 bytes");
  if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name)) problems.push(NAME_PART);
  return problems;
};

function ruleOf(maxLength: number, unit: string, pattern: RegExp, problem: string): NameRule {
  return (text) => [
    ...(text.length > maxLength ? [`must be no more than ${maxLength} ${unit}`] : []),
    ...(pattern.test(text) ? [] : [problem]),
  ];
}

/** Of the values of labels. */
export const labelValueProblems = ruleOf(
  63,
  "bytes",
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start " +
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation " +
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
);

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Of DNS-1123 subdomains (most object names). */
export const dnsSubdomainProblems = ruleOf(
  253,
  "characters",
  SUBDOMAIN,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start " +
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
);

const plainLabelProblems = ruleOf(
  63,
  "characters",
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end " +
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is " +
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
);

/** Of DNS-1123 labels (namespaces, containers). */
export const dnsLabelProblems: NameRule = (name) => {
  const problems = plainLabelProblems(name);
  // All that is wrong is that it is more than one.
  if (name.includes(".") && SUBDOMAIN.test(name)) problems.splice(-1, 1, "must not contain dots");
  return problems;
};

/** Of DNS-1035 labels (Services). */
export const dns1035LabelProblems = ruleOf(
  63,
  "characters",
  /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " +
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is " +
    "'[a-z]([-a-z0-9]*[a-z0-9])?')",
);

/** The first problem of each rule, or undefined. */
export const qualifiedNameProblem = (key: string): string | undefined => qualifiedNameProblems(key)[0];
export const labelValueProblem = (value: string): string | undefined => labelValueProblems(value)[0];
export const dnsSubdomainProblem = (name: string): string | undefined => dnsSubdomainProblems(name)[0];
export const dnsLabelProblem = (name: string): string | undefined => dnsLabelProblems(name)[0];
export const dns1035LabelProblem = (name: string): string | undefined => dns1035LabelProblems(name)[0];
