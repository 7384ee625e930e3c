/** Numbers in texts of the user's, as Go's `strconv.ParseFloat` takes them. */
import { parseGoFloat } from "../wire/exposition/go-float.ts";

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** @throws Error with Go's text when it is no number, or one that is out of range */
export function parseFloat64(text: string): number {
  const value = parseGoFloat(text);
  if (value !== undefined) return value;
  const cause = DECIMAL.test(text) ? "value out of range" : "invalid syntax";
  throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: ${cause}`);
}
