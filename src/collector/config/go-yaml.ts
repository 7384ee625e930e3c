/**
 * YAML as upstream's parser reads it (`go.yaml.in/yaml/v3`): the core schema of YAML 1.2, but whole numbers as Go's
 * `strconv.ParseInt` with base 0 knows them (`0123` is octal, `1_000` and `0b101` are numbers), and `<<` merges maps.
 */
import { parseDocument, type ScalarTag } from "yaml";

/** What a document may expand to by its own aliases. */
const MAX_ALIASES = 100;

const GO_INTEGER: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  identify: (value) => typeof value === "number" && Number.isInteger(value),
  test: /^[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9]*_[0-9_]*)$/,
  resolve(text) {
    const sign = text.startsWith("-") ? -1 : 1;
    const digits = text.replace(/^[-+]/, "").replaceAll("_", "");
    return sign * Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  },
};

/** @throws an error that says what is wrong with the text, and where */
export function parseGoYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: "1.2",
    merge: true,
    uniqueKeys: true,
    customTags: (tags) => [GO_INTEGER, ...tags],
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const [message] = error.message.split(/ at line \d|\n/, 1);
    throw new Error(`line ${error.linePos?.[0].line ?? 1}: ${message}`);
  }
  return document.toJS({ maxAliasCount: MAX_ALIASES });
}
