/** Which form and view of an answer a client takes (apiserver `endpoints/handlers/negotiation`, go-restful's routes). */
import { stringify } from "yaml";
import type { HttpResponse } from "../../../base/network.ts";
import { statusError } from "../../../model/kubernetes-status.ts";

const FORMS = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

interface Clause {
  type: string;
  quality: number;
  parameters: ReadonlyMap<string, string>;
}

/** An object as something else than itself. */
export interface View {
  kind: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  version: "v1" | "v1beta1";
}

/** What the client takes, the best first. */
function clausesOf(accept: string | undefined): Clause[] {
  return (accept ?? "")
    .split(",")
    .flatMap((part) => {
      const [type, ...rest] = part.split(";").map((each) => each.trim());
      if (type === "") return [];
      const parameters = new Map(
        rest.map((each): [string, string] => {
          const [name, value = ""] = each.split("=");
          return [name.trim().toLowerCase(), value.trim()];
        }),
      );
      const quality = Number(parameters.get("q") ?? 1);
      return [{ type: type.toLowerCase(), quality: Number.isNaN(quality) ? 0 : quality, parameters }];
    })
    .sort((a, b) => b.quality - a.quality);
}

/** Undefined where none is asked for, null where it is one that we don't have. */
function viewOf(form: string, parameters: ReadonlyMap<string, string>): View | undefined | null {
  const kind = parameters.get("as");
  if (kind === undefined) return undefined;
  const version = parameters.get("v");
  if (parameters.get("g") !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return null;
  if (kind === "Table") return form === FORMS[2] ? null : { kind, version };
  return kind === "PartialObjectMetadata" || kind === "PartialObjectMetadataList" ? { kind, version } : null;
}

/**
 * How an object is to be shown; undefined as itself.
 *
 * @throws KubernetesError 406 when nothing that the client takes can be given
 */
export function acceptedView(accept: string | undefined): View | undefined {
  const clauses = clausesOf(accept);
  if (clauses.length === 0) return undefined;
  checkRepresentation(clauses, FORMS);
  for (const { type, parameters } of clauses) {
    for (const form of type === "*/*" ? FORMS : FORMS.filter((each) => each === type)) {
      const view = viewOf(form, parameters);
      if (view !== null && !parameters.has("stream")) return view;
      if (view !== null && parameters.get("stream") === "watch") return view;
    }
  }
  throw noneAccepted();
}

/**
 * For what there is no table of.
 *
 * @throws KubernetesError 406 when the client takes nothing but one
 */
export function checkNoTable(accept: string | undefined): void {
  const clauses = clausesOf(accept);
  if (clauses.length > 0 && clauses.every(({ parameters }) => parameters.get("as") === "Table"))
    throw noneAccepted();
  acceptedView(accept);
}

const noneAccepted = () =>
  statusError("NotAcceptable", `only the following media types are accepted: ${FORMS.join(", ")}`);

/** @throws KubernetesError 406 when the client takes none of these media types */
export function checkAcceptable(accept: string | undefined, forms: readonly string[] = FORMS): void {
  const clauses = clausesOf(accept);
  if (clauses.length > 0) checkRepresentation(clauses, forms);
}

function checkRepresentation(clauses: readonly Clause[], forms: readonly string[]): void {
  if (clauses.some(({ type }) => type === "*/*" || forms.includes(type))) return;
  throw statusError(
    "NotAcceptable",
    `406: Not Acceptable\n\nAvailable representations: ${forms.join(", ")}`,
    {},
  );
}

/** Programs that people read answers with. */
const READ_BY_PEOPLE = /^(curl|Wget|Mozilla\/5\.0)/;

/** Whether the answer is for people's eyes: asked for by `pretty`, or by a program that is no client library. */
export function isForPeople(pretty: string | null, userAgent: string | undefined): boolean {
  if (pretty) return /^(1|t|T|true|TRUE|True)$/.test(pretty);
  return READ_BY_PEOPLE.test(userAgent ?? "");
}

/** JSON with line breaks. */
export function prettyResponse(response: HttpResponse): HttpResponse {
  const { headers, body } = response;
  const isJson = /^application\/json\b/.test(String(headers?.["content-type"])) && typeof body === "string";
  return isJson ? { ...response, body: JSON.stringify(JSON.parse(body), null, 2) } : response;
}

/** The answer in YAML 1.1 (texts that older readers take for times or truth values are quoted), where the client prefers it; anything but JSON as it is. */
export function inPreferredForm(accept: string | undefined, response: HttpResponse): HttpResponse {
  const first = clausesOf(accept).find(({ type }) => FORMS.includes(type) || type === "*/*");
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
      indentSeq: false,
    }).replace(/^( *(?:- )?)"\.":/gm, "$1.:"),
  };
}
