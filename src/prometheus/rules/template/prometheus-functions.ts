/** The functions that Prometheus adds to Go's (`template/template.go`). */
import { quoteGo } from "../../../model/go-quote.ts";
import { compareStrings } from "../../../model/labels.ts";
import { lowerCase, upperCase } from "../../../model/letter-case.ts";
import { Regex } from "../../regex/regex.ts";
import { matchesAnywhere, replaceAll } from "../../regex/replace-all.ts";
import { INTERFACE, type TemplateFunction } from "./functions.ts";
import { GoDuration } from "./go-time.ts";
import {
  floatOf,
  humanize,
  humanize1024,
  humanizeDuration,
  humanizePercentage,
  humanizeTimestamp,
  timeOf,
} from "./humanize.ts";
import { TemplateError } from "./template-error.ts";
import { graphLink, queryEscape, secondsOf, splitHostPort, stripDomain, tableLink } from "./text.ts";
import { ArgumentMap, GoHtml, type QuerySample, sampleValue, type Value } from "./values.ts";

const STRING = "string";
const RESULT = "template.queryResult";
const SAMPLE = "*template.sample";

function ofText(call: (text: string) => Value): TemplateFunction {
  return { parameters: [STRING], call: ([text]) => call(text as string) };
}

/** Of whatever can be a number. */
function ofNumber(call: (value: number) => Value): TemplateFunction {
  return { parameters: [INTERFACE], call: ([value]) => call(floatOf(value)) };
}

/** @throws TemplateError for nil, as Go's runtime has it */
function sampleOf(value: Value): QuerySample {
  if (value === undefined)
    throw new TemplateError("runtime error: invalid memory address or nil pointer dereference");
  return value as QuerySample;
}

function replaced(pattern: string, replacement: string, text: string): string {
  try {
    new Regex(pattern);
  } catch (error) {
    const quoted = pattern.includes("`") ? quoteGo(pattern) : `\`${pattern}\``;
    throw new TemplateError(`regexp: Compile(${quoted}): ${(error as Error).message}`);
  }
  return replaceAll(pattern, replacement, text);
}

/** A word from its first letter on, with dots and apostrophes inside; digits before it have no case. */
const WORD = /(\p{L})((?:[\p{L}\p{N}\p{M}_]|[.:'’·](?=[\p{L}\p{N}_])|(?<=\p{N})[,;](?=\p{N}))*)/gu;

/** The first letter of each word in upper case, the others as they are. */
function titled(text: string): string {
  return text.replace(WORD, (_, letter: string, rest: string) => {
    const [first, ...others] = letter.toUpperCase();
    return first + others.join("").toLowerCase() + rest;
  });
}

/** @throws Error that tells the pattern as it was given */
function matched(pattern: string, text: string): boolean {
  try {
    return matchesAnywhere(pattern, text);
  } catch (error) {
    new Regex(pattern);
    throw error;
  }
}

export const PROMETHEUS_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  query: { parameters: [STRING], call: ([expression], { query }) => query(expression as string) },
  first: {
    parameters: [RESULT],
    call([list]) {
      const found = (list as QuerySample[] | undefined)?.[0];
      if (found === undefined) throw new TemplateError("first() called on vector with no elements");
      return found;
    },
  },
  label: {
    parameters: [STRING, SAMPLE],
    call: ([name, sample]) => sampleOf(sample).labels.get(name as string),
  },
  value: { parameters: [SAMPLE], call: ([sample]) => sampleValue(sampleOf(sample)) },
  strvalue: { parameters: [SAMPLE], call: ([sample]) => sampleOf(sample).labels.get("__value__") },
  sortByLabel: {
    parameters: [STRING, RESULT],
    call: ([name, list]) =>
      [...((list ?? []) as QuerySample[])].sort((a, b) =>
        compareStrings(a.labels.get(name as string), b.labels.get(name as string)),
      ),
  },
  args: {
    parameters: [],
    rest: INTERFACE,
    call: (args) => new ArgumentMap(args.map((value, i): [string, Value] => [`arg${i}`, value])),
  },
  reReplaceAll: {
    parameters: [STRING, STRING, STRING],
    call: (args) => replaced(...(args as [string, string, string])),
  },
  match: {
    parameters: [STRING, STRING],
    call: ([pattern, text]) => matched(pattern as string, text as string),
  },
  safeHtml: ofText((text) => new GoHtml(text)),
  title: ofText(titled),
  toUpper: ofText(upperCase),
  toLower: ofText(lowerCase),
  graphLink: ofText(graphLink),
  tableLink: ofText(tableLink),
  stripPort: ofText((text) => splitHostPort(text)?.host ?? text),
  stripDomain: ofText(stripDomain),
  urlQueryEscape: ofText(queryEscape),
  parseDuration: ofText(secondsOf),
  humanize: ofNumber(humanize),
  humanize1024: ofNumber(humanize1024),
  humanizeDuration: ofNumber(humanizeDuration),
  humanizePercentage: ofNumber(humanizePercentage),
  humanizeTimestamp: ofNumber(humanizeTimestamp),
  toTime: ofNumber(timeOf),
  toDuration: ofNumber((seconds) => new GoDuration(seconds * 1000, true)),
  now: { parameters: [], call: (_, { timestampMs }) => timestampMs / 1000 },
  externalURL: { parameters: [], call: (_, { externalUrl }) => externalUrl },
  pathPrefix: {
    parameters: [],
    call: (_, { externalUrl }) =>
      URL.canParse(externalUrl) && !/^[a-z]+:\/\/[^/]*$/i.test(externalUrl)
        ? new URL(externalUrl).pathname
        : "",
  },
};
