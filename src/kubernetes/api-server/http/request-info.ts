/** What a request is about, read from its path (apiserver `request/requestinfo.go`). */

export interface RequestInfo {
  path: string;
  query: URLSearchParams;
  /** Whether the path is below `/api/` or `/apis/` and names a resource. */
  isResource: boolean;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the method where no resource is named. */
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string | undefined;
  namespace: string | undefined;
  name: string | undefined;
  /** What follows the subresource (`proxy`). */
  rest: string;
}

const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** @throws URIError when the path is not well encoded. */
export function requestInfo(method: string, target: string): RequestInfo {
  const question = target.indexOf("?");
  const path = question === -1 ? target : target.slice(0, question);
  const query = new URLSearchParams(question === -1 ? "" : target.slice(question + 1));
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);
  const info: RequestInfo = {
    path,
    query,
    isResource: false,
    verb: method.toLowerCase(),
    group: "",
    version: "",
    resource: "",
    subresource: undefined,
    namespace: undefined,
    name: undefined,
    rest: "",
  };
  if (parts[0] === "api") readResource(info, method, parts.slice(1));
  else if (parts[0] === "apis") {
    info.group = parts[1] ?? "";
    readResource(info, method, parts.slice(2));
  }
  return info;
}

function readResource(info: RequestInfo, method: string, parts: string[]): void {
  info.version = parts[0] ?? "";
  let rest = parts.slice(1);
  // The path of watches before there was a parameter.
  const isWatch = rest[0] === "watch" && rest.length > 1 && method === "GET";
  if (isWatch) rest = rest.slice(1);
  if (rest.length === 0) return;
  if (rest[0] === "namespaces" && rest.length > 1) {
    info.namespace = rest[1];
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2])) rest = rest.slice(2);
  }
  info.isResource = true;
  [info.resource, info.name, info.subresource] = rest;
  info.rest = rest.slice(3).join("/");
  if (isWatch && info.name !== undefined) {
    info.query.append("fieldSelector", `metadata.name=${info.name}`);
    info.name = undefined;
  }
  info.verb = isWatch ? "watch" : verbOf(info, method);
}

function verbOf(info: RequestInfo, method: string): string {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return info.name === undefined ? "deletecollection" : "delete";
    case "GET": {
      if (info.name !== undefined) return "get";
      return isTrue(info.query.get("watch")) ? "watch" : "list";
    }
    default:
      return method.toLowerCase();
  }
}

/** A boolean query parameter: `watch`, `watch=1`, `watch=true`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== "0" && value.toLowerCase() !== "false";
}
