/** Which form of an answer a client takes: JSON, or YAML where it asks for that first. */
import { stringify } from "yaml";
import type { HttpResponse } from "../../../base/network.ts";
import { statusError } from "../../../model/kubernetes-status.ts";

const FORMS = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const WILDCARDS = ["*/*", "application/*"];

interface Range {
  type: string;
  parameters: string[];
}

function rangesOf(accept: string | undefined): Range[] {
  return (accept ?? "").split(",").flatMap((part) => {
    const [type, ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
    return type === "" ? [] : [{ type, parameters }];
  });
}

/** Objects can be shown as themselves, as a row of a table, or as their metadata. */
const VIEWS = /^as=(table|partialobjectmetadata|partialobjectmetadatalist)$/;

/** @throws KubernetesError 406 when nothing that the client takes can be given */
export function checkAcceptable(accept: string | undefined): void {
  const ranges = rangesOf(accept);
  const isTaken = ({ type, parameters }: Range) =>
    WILDCARDS.includes(type) ||
    (FORMS.includes(type) && parameters.every((each) => !each.startsWith("as=") || VIEWS.test(each)));
  if (ranges.length === 0 || ranges.some(isTaken)) return;
  throw statusError(
    "NotAcceptable",
    `406: Not Acceptable\n\nAvailable representations: ${FORMS.join(", ")}`,
    {},
  );
}

/** The answer in YAML 1.1 (texts that older readers take for times or truth values are quoted), where the client prefers it; anything but JSON as it is. */
export function inPreferredForm(accept: string | undefined, response: HttpResponse): HttpResponse {
  const first = rangesOf(accept).find(({ type }) => FORMS.includes(type) || WILDCARDS.includes(type));
  const isJson =
    response.headers?.["content-type"] === "application/json" && typeof response.body === "string";
  if (first?.type !== "application/yaml" || !isJson) return response;
  return {
    ...response,
    headers: { ...response.headers, "content-type": "application/yaml" },
    body: stringify(JSON.parse(response.body as string), {
      version: "1.1",
      sortMapEntries: true,
      lineWidth: 0,
    }),
  };
}
