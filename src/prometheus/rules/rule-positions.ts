/** Where in a rule file a field of a rule stands, for messages about it. */
import { type Document, isAlias, isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml";

export class RulePositions {
  readonly #lines = new LineCounter();
  readonly #document: Document;

  /** @param content a rule file that has been read before without an error */
  constructor(content: string) {
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
    const value = this.#field(itemOf(this.#resolve(rules), rule), field);
    const start = (value as Node | undefined)?.range?.[0];
    if (start === undefined) return "0:0";
    const { line, col } = this.#lines.linePos(start);
    return `${line}:${col}`;
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
