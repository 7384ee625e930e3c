/**
 * What an `image:` may be called (github.com/distribution/reference 0.6 by way of kubelet's `parsers.ParseImageName`):
 * `[domain[:port]/]path[:tag][@digest]`.
 */
import { quoteGo } from "../../model/go-quote.ts";

const ALPHANUMERIC = "[a-z0-9]+";
const SEPARATOR = "(?:[._]|__|[-]+)";
const COMPONENT = `${ALPHANUMERIC}(?:${SEPARATOR}${ALPHANUMERIC})*`;
const DOMAIN_COMPONENT = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const HOST = `(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[(?:[a-fA-F0-9:]+)\\])`;
const NAME = `(?:${HOST}(?::[0-9]+)?/)?${COMPONENT}(?:/${COMPONENT})*`;
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const REFERENCE = new RegExp(`^(${NAME})(?::[\\w][\\w.-]{0,127})?(?:@${DIGEST})?$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;
/** Of a path, without its domain. */
const MAX_NAME = 255;

/** What is wrong with the name, in upstream's words; undefined for one that is right. */
export function imageNameProblem(image: string): string | undefined {
  const problem = referenceProblem(image);
  return problem === undefined ? undefined : `couldn't parse image name ${quoteGo(image)}: ${problem}`;
}

function referenceProblem(image: string): string | undefined {
  if (IDENTIFIER.test(image))
    return `invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`;
  const [domain, path] = splitDomain(image);
  const remote = path.includes(":") ? path.slice(0, path.indexOf(":")) : path;
  if (remote !== remote.toLowerCase())
    return `invalid reference format: repository name (${remote}) must be lowercase`;
  if (!REFERENCE.test(`${domain}/${path}`)) return "invalid reference format";
  if (remote.length > MAX_NAME) return `repository name must not be more than ${MAX_NAME} characters`;
  return undefined;
}

/** The first part is a registry when it looks like a host; what is left is Docker Hub's. */
function splitDomain(name: string): [domain: string, path: string] {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const [domain, path] = slash >= 0 && isHost ? [first, name.slice(slash + 1)] : ["docker.io", name];
  const isHub = domain === "docker.io" || domain === "index.docker.io";
  return isHub ? ["docker.io", path.includes("/") ? path : `library/${path}`] : [domain, path];
}
