/** Functions of templates that take text apart. */
import { parseDuration } from "../../config/units.ts";
import { TemplateError } from "./template-error.ts";

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** As Go's `net.SplitHostPort`; undefined for what it refuses. */
export function splitHostPort(text: string): { host: string; port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^[\]:]*)$/.exec(text);
  return match === null ? undefined : { host: match[1] ?? match[2], port: match[3] };
}

/** The first part of a host's name, with its port. Addresses stay whole. */
export function stripDomain(text: string): string {
  const { host, port } = splitHostPort(text) ?? { host: text, port: "" };
  if (IPV4.test(host) || (host.includes(":") && !host.includes("%") && URL.canParse(`http://[${host}]`)))
    return text;
  const first = host.split(".")[0];
  if (port === "") return first;
  return first.includes(":") ? `[${first}]:${port}` : `${first}:${port}`;
}

/** As Go's `url.QueryEscape`. */
export function queryEscape(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed());
  return escaped
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, "+");
}

/** Where a server shows an expression's values, relative to its address. */
export function tableLink(expression: string): string {
  return `/graph?g0.expr=${queryEscape(expression)}&g0.tab=1`;
}

/** Where it shows its graph. */
export function graphLink(expression: string): string {
  return `/graph?g0.expr=${queryEscape(expression)}&g0.tab=0`;
}

/** Seconds of `1h30m`, which may be negative. @throws TemplateError */
export function secondsOf(duration: string): number {
  const isNegative = duration.startsWith("-");
  try {
    return ((isNegative ? -1 : 1) * parseDuration(isNegative ? duration.slice(1) : duration)) / 1000;
  } catch (error) {
    throw new TemplateError((error as Error).message);
  }
}

const HTML_ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
  "\0": "\ufffd",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'\0]/g, (character) => HTML_ENTITIES[character]);
}

export function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\p{Cc}]/gu, (character) =>
    `\\'"`.includes(character)
      ? `\\${character}`
      : `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
}
