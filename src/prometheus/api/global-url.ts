/** Where others reach a target (`web/api/v1/api.go`, `getGlobalURL`). */
import { type TargetUrl, urlText } from "../scrape/target-url.ts";

const LOCALHOST = new Set(["127.0.0.1", "localhost", "::1"]);

/**
 * What listens on this machine's own address is reached under the server's name.
 *
 * @param externalUrl the server's own address for others
 * @param port that the server listens on
 * @returns `problem`: why the target's address can't be taken apart; its URL is as it is then
 */
export function globalUrl(
  target: TargetUrl,
  externalUrl: string,
  port: number,
): { url: string; problem?: string } {
  const own = splitHostPort(target.host);
  if (own.problem !== undefined)
    return { url: urlText(target), problem: `address ${own.address}: ${own.problem}` };
  if (!LOCALHOST.has(own.host)) return { url: urlText(target) };
  const external = new URL(externalUrl);
  if (own.port === String(port))
    return { url: urlText({ ...target, scheme: external.protocol.slice(0, -1), host: external.host }) };
  const name = splitHostPort(external.host).host;
  const host = own.port === "" ? name : `${name.includes(":") ? `[${name}]` : name}:${own.port}`;
  return { url: urlText({ ...target, host }) };
}

interface HostPort {
  host: string;
  port: string;
  address: string;
  problem?: string;
}

/** As Go's `net.SplitHostPort`, but a port may be missing. */
function splitHostPort(given: string): HostPort {
  const direct = split(given);
  if (direct.problem !== "missing port in address") return direct;
  const completed = split(`${given}:80`);
  return completed.problem === undefined ? { ...completed, port: "" } : direct;
}

function split(address: string): HostPort {
  const fail = (problem: string) => ({ host: "", port: "", address, problem });
  const colon = address.lastIndexOf(":");
  if (colon < 0) return fail("missing port in address");
  const host = address.slice(0, colon);
  const port = address.slice(colon + 1);
  if (!address.startsWith("["))
    return host.includes(":")
      ? fail("too many colons in address")
      : (bracketProblem(address, address, fail) ?? { host, port, address });
  const end = address.indexOf("]");
  if (end < 0) return fail("missing ']' in address");
  if (end + 1 !== colon)
    return fail(address[end + 1] === ":" ? "too many colons in address" : "missing port in address");
  return (
    bracketProblem(address.slice(1), address.slice(end + 1), fail) ?? {
      host: address.slice(1, end),
      port,
      address,
    }
  );
}

function bracketProblem(
  opening: string,
  closing: string,
  fail: (problem: string) => HostPort,
): HostPort | undefined {
  if (opening.includes("[")) return fail("unexpected '[' in address");
  return closing.includes("]") ? fail("unexpected ']' in address") : undefined;
}
