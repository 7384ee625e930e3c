/** Long lists as the data of an answer: label values, series. */
import { Labels } from "../../model/labels.ts";
import type { Pacer } from "../tsdb/pacer.ts";
import { DATA_START, labelsJson, RawJson, textJson } from "./api-json.ts";
import { JsonBytes } from "./json-bytes.ts";

/** Items between two looks at the clock. */
const ITEMS_PER_CHECK = 256;

/** Gives way to others on the way. */
export async function listJson(items: readonly (string | Labels)[], pacer: Pacer): Promise<RawJson> {
  const out = new JsonBytes();
  out.ascii(`${DATA_START}[`);
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (i > 0) out.ascii(",");
    out.text(item instanceof Labels ? labelsJson(item) : textJson(item));
    if (i % ITEMS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  out.ascii("]");
  return new RawJson(out);
}
