/** Which parser a scraped body is for (`model/textparse/interface.go`, `extractMediaType`). */
import { quoteGo } from "../../wire/exposition/go-float.ts";
import { SCRAPE_PROTOCOLS } from "../config/scrape-config.ts";

export type ScrapeFormat = "text" | "openmetrics" | "protobuf";

const FORMATS: Readonly<Record<string, ScrapeFormat>> = {
  "application/openmetrics-text": "openmetrics",
  "application/vnd.google.protobuf": "protobuf",
  "text/plain": "text",
};
/** The characters that a token of RFC 7230 may have. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;

/**
 * @param fallback the protocol that is assumed where the type says nothing, or ""
 * @throws Error in upstream's words when the type is none that can be read, and there is no fallback
 */
export function formatOf(contentType: string | undefined, fallback: string): ScrapeFormat {
  const fallbackFormat = fallback === "" ? undefined : FORMATS[SCRAPE_PROTOCOLS[fallback].split(";")[0]];
  if (contentType === undefined || contentType === "") {
    if (fallbackFormat !== undefined) return fallbackFormat;
    throw new Error(
      "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
    );
  }
  const quoted = quoteGo(contentType);
  const { mediaType, problem } = parseMediaType(contentType);
  if (problem !== undefined) {
    if (fallbackFormat !== undefined) return fallbackFormat;
    throw new Error(
      `cannot parse Content-Type ${quoted} and no fallback_scrape_protocol for target\nmime: ${problem}`,
    );
  }
  const format = FORMATS[mediaType] ?? fallbackFormat;
  if (format !== undefined) return format;
  throw new Error(
    `received unsupported Content-Type ${quoted} and no fallback_scrape_protocol specified for target`,
  );
}

/** As Go's `mime.ParseMediaType`: the type in lower case, or what is wrong with it. */
function parseMediaType(text: string): { mediaType: string; problem?: string } {
  const semicolon = text.indexOf(";");
  const mediaType = (semicolon < 0 ? text : text.slice(0, semicolon)).trim().toLowerCase();
  const problem =
    mediaTypeProblem(mediaType) ?? parametersProblem(semicolon < 0 ? "" : text.slice(semicolon));
  return problem === undefined ? { mediaType } : { mediaType, problem };
}

function mediaTypeProblem(text: string): string | undefined {
  const type = TOKEN.exec(text)?.[0] ?? "";
  if (type === "") return "no media type";
  let rest = text.slice(type.length);
  if (rest === "") return undefined;
  if (!rest.startsWith("/")) return "expected slash after first token";
  rest = rest.slice(1);
  const subtype = TOKEN.exec(rest)?.[0] ?? "";
  if (subtype === "") return "expected token after slash";
  return rest.length > subtype.length ? "unexpected content after media subtype" : undefined;
}

/** What follows the type: `;name=value` and `;name="value"`, each name once. */
function parametersProblem(text: string): string | undefined {
  const seen = new Set<string>();
  let rest = text;
  while (rest !== "") {
    rest = rest.trimStart();
    if (rest === "") return undefined;
    const match = /^;\s*([^\s;=]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)/.exec(rest);
    if (match === null || TOKEN.exec(match[1])?.[0] !== match[1]) {
      // A semicolon at the end is no harm.
      return /^;\s*$/.test(rest) ? undefined : "invalid media parameter";
    }
    const name = match[1].toLowerCase();
    if (seen.has(name)) return "duplicate parameter name";
    seen.add(name);
    rest = rest.slice(match[0].length);
  }
  return undefined;
}
