/** Where in a rule file a field of a rule stands, for messages about it. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";

export class RulePositions {
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #content: string;

  /** @param content a rule file that has been read before without an error */
  constructor(content: string) {
    this.#content = content;
    this.#document = parseDocument(content, {
      schema: "failsafe",
      uniqueKeys: false,
      lineCounter: this.#lines,
      logLevel: "silent",
    });
  }

  /** `line:column` of the field's value, `0:0` where the rule does not have it. Groups and rules count from 0. */
  of(group: number, rule: number, field: "record" | "alert" | "expr"): string {
    const groups = this.#field(this.#document.contents, "groups");
    const rules = this.#field(itemOf(this.#resolve(groups), group), "rules");
    const map = this.#resolve(itemOf(this.#resolve(rules), rule));
    const pair = isMap(map) ? this.#pair(map, field) : undefined;
    if (pair === undefined) return "0:0";
    const { line, col } = this.#lines.linePos(this.#startOf(pair));
    return `${line}:${col}`;
  }

  /** A value begins with its anchor; one that is not there stands right behind the colon. */
  #startOf({ key, value }: Pair): number {
    const start = (value as Node).range![0];
    if (isScalar(value) && value.source === "" && value.type === "PLAIN")
      return this.#content.indexOf(":", (key as Node).range![1]) + 1;
    if (isAlias(value) || (value as Node & { anchor?: string }).anchor === undefined) return start;
    return this.#content.lastIndexOf("&", start);
  }

  /** Of the map itself, or of one that is merged into it. */
  #pair(map: YAMLMap, name: string): Pair | undefined {
    const named = (key: string) => map.items.find((each) => isScalar(each.key) && each.key.value === key);
    const own = named(name);
    if (own !== undefined) return own;
    const merged = this.#resolve(named("<<")?.value);
    for (const each of isSeq(merged) ? merged.items : [merged]) {
      const source = this.#resolve(each);
      const found = isMap(source) ? this.#pair(source, name) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #field(node: unknown, name: string): unknown {
    const map = this.#resolve(node);
    return isMap(map) ? (map.get(name, true) ?? undefined) : undefined;
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }
}

function itemOf(node: unknown, index: number): unknown {
  return isSeq(node) ? node.items[index] : undefined;
}
