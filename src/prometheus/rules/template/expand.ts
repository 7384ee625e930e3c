/**
 * The templates of alert labels and annotations: Go's `text/template` with Prometheus' functions
 * (`template/template.go`), errors included.
 */
import { evaluateTemplate } from "./evaluate.ts";
import { templateFunction } from "./function-table.ts";
import { parseTemplate } from "./parser.ts";
import type { TemplateData } from "./template-data.ts";
import { TemplateError } from "./template-error.ts";
import { Dot } from "./values.ts";

/** What every template of a rule begins with. */
const DEFINITIONS =
  "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

const isFunction = (name: string) => templateFunction(name) !== undefined;

/** What is wrong with a template's syntax, or undefined. @param name that errors tell it by */
export function checkTemplate(text: string, name: string): string | undefined {
  try {
    parseTemplate(name, DEFINITIONS + text, isFunction);
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
}

/** @throws TemplateError */
export async function expandTemplate(text: string, data: TemplateData, name: string): Promise<string> {
  if (!text.includes("{{")) return text;
  const { labels, externalLabels, externalUrl, value } = data;
  const dot = new Dot(labels, externalLabels, externalUrl, value);
  return prefixed(`error parsing template ${name}`, () =>
    parseTemplate(name, DEFINITIONS + text, isFunction),
  ).then((template) =>
    prefixed(`error executing template ${name}`, () => evaluateTemplate(template, dot, data)),
  );
}

async function prefixed<T>(prefix: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`${prefix}: ${error.message}`);
    throw error;
  }
}
