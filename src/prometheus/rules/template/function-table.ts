/** All functions of templates, by name. */
import { BUILTINS, type TemplateFunction } from "./functions.ts";
import { PROMETHEUS_FUNCTIONS } from "./prometheus-functions.ts";

/** The names of the functions that Prometheus adds to Go's. */
export const TEMPLATE_FUNCTION_NAMES: readonly string[] = Object.keys(PROMETHEUS_FUNCTIONS);

export function templateFunction(name: string): TemplateFunction | undefined {
  for (const functions of [PROMETHEUS_FUNCTIONS, BUILTINS])
    if (Object.hasOwn(functions, name)) return functions[name];
  return undefined;
}
