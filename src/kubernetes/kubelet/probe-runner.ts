/** One try of a probe or a lifecycle hook: HTTP, TCP, gRPC or a command (kubelet `prober`, `lifecycle`). */
import type { Network } from "../../base/network.ts";
import type { Sockets } from "../../base/sockets.ts";
import type { Container, Handler, HttpGetAction } from "../types.ts";

export interface ProbeResult {
  ok: boolean;
  /** What `kubectl describe` shows when it is not. */
  message: string;
}

export interface ProbeTools {
  network: Network;
  sockets: Sockets;
  /** Runs a command in the container. */
  run(command: string[], timeoutMs: number): Promise<{ exitCode: number; output: string } | "timeout">;
}

/** How much of an answer is looked at and shown, in bytes. */
const MAX_SHOWN_BYTES = 10 * 1024;

export async function runHandler(
  tools: ProbeTools,
  container: Container,
  podIp: string,
  handler: Handler,
  timeoutMs: number,
): Promise<ProbeResult> {
  if (handler.httpGet) return httpGet(tools, container, podIp, handler.httpGet, timeoutMs);
  if (handler.tcpSocket) {
    const { host, port } = handler.tcpSocket;
    return tcpConnect(tools, { host: host ?? podIp, port: portNumber(container, port) }, timeoutMs);
  }
  if (handler.grpc) return grpcCheck(tools, podIp, handler.grpc, timeoutMs);
  if (handler.exec) return execCommand(tools, handler.exec.command, timeoutMs);
  return { ok: true, message: "" };
}

/** A port's number, which the container may have given a name. */
function portNumber(container: Container, port: number | string): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return named ?? Number(port);
}

async function httpGet(
  { network }: ProbeTools,
  container: Container,
  podIp: string,
  action: HttpGetAction,
  timeoutMs: number,
): Promise<ProbeResult> {
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = action.path ?? "/";
  const at = `${action.host ?? podIp}:${portNumber(container, action.port)}`;
  const url = `${scheme}://${at}${path.startsWith("/") ? "" : "/"}${path}`;
  const headers: Record<string, string> = {
    "user-agent": "kube-probe/1.35",
    accept: "*/*",
    connection: "close",
  };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  try {
    const response = await network.fetch(url, { headers, timeoutMs, insecure: true });
    await response.bytes(MAX_SHOWN_BYTES).catch(() => undefined);
    const ok = response.status >= 200 && response.status < 400;
    return { ok, message: ok ? "" : `HTTP probe failed with statuscode: ${response.status}` };
  } catch (error) {
    return { ok: false, message: `Get ${JSON.stringify(url)}: ${networkProblem(error, at)}` };
  }
}

async function tcpConnect(
  { sockets }: ProbeTools,
  to: { host: string; port: number },
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    (await sockets.connectTcp(to, timeoutMs)).destroy();
    return { ok: true, message: "" };
  } catch (error) {
    return { ok: false, message: networkProblem(error, `${to.host}:${to.port}`) };
  }
}

/** grpc.health.v1.Health/Check; only SERVING is healthy. */
async function grpcCheck(
  { network }: ProbeTools,
  podIp: string,
  { port, service = "" }: { port: number; service?: string },
  timeoutMs: number,
): Promise<ProbeResult> {
  const name = Buffer.from(service);
  // HealthCheckRequest: string service = 1; behind gRPC's flag byte and length.
  const message = name.length === 0 ? Buffer.of() : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  const body = Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message]);
  try {
    const response = await network.fetch(`http://${podIp}:${port}/grpc.health.v1.Health/Check`, {
      method: "POST",
      protocol: "h2c",
      headers: { "content-type": "application/grpc", te: "trailers", "user-agent": "kube-probe/1.35" },
      body,
      timeoutMs,
    });
    const answer = await response.bytes(MAX_SHOWN_BYTES);
    const status = response.trailers["grpc-status"] ?? response.headers["grpc-status"];
    if (status !== undefined && status !== "0") {
      return {
        ok: false,
        message: `error: this server does not implement the grpc health protocol (code ${status})`,
      };
    }
    // HealthCheckResponse: ServingStatus status = 1; SERVING is 1.
    const serving = answer[5] === 0x08 && answer[6] === 1;
    return { ok: serving, message: serving ? "" : 'service unhealthy (responded with "NOT_SERVING")' };
  } catch (error) {
    return {
      ok: false,
      message: `timeout: failed to connect service "${podIp}:${port}": ${networkProblem(error, `${podIp}:${port}`)}`,
    };
  }
}

async function execCommand({ run }: ProbeTools, command: string[], timeoutMs: number): Promise<ProbeResult> {
  try {
    const result = await run(command, timeoutMs);
    if (result === "timeout") {
      return {
        ok: false,
        message: `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeoutMs / 1000}s`,
      };
    }
    return { ok: result.exitCode === 0, message: result.output.slice(0, MAX_SHOWN_BYTES) };
  } catch (error) {
    return { ok: false, message: String((error as Error).message) };
  }
}

/**
 * Node's errors in the words of Go's.
 *
 * @param at whom was asked; with one address for all, the socket's own is another one
 */
export function networkProblem(error: unknown, at: string): string {
  const { code, message, name } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ECONNREFUSED: "connect: connection refused",
    ECONNRESET: "read: connection reset by peer",
    EHOSTUNREACH: "connect: no route to host",
    ETIMEDOUT: "i/o timeout",
  };
  if (code !== undefined && words[code] !== undefined) return `dial tcp ${at}: ${words[code]}`;
  return name === "TimeoutError"
    ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    : message;
}
