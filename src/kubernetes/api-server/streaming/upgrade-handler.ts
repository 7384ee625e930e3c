/** Requests that ask for another protocol: exec, attach and port-forward, over WebSocket or SPDY/3.1. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import type { HttpRequest, UpgradeHandler } from "../../../base/network.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus, statusError } from "../../../model/kubernetes-status.ts";
import type { ContainerStreams, PodRuntime } from "../../pod-runtime.ts";
import type { Authenticator } from "../authenticate.ts";
import { requireAccess } from "../authorize.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { accessOf } from "../http/api-handler.ts";
import { checkOrigin } from "../http/guard.ts";
import { containerKey } from "../http/pod-log-handler.ts";
import { type RequestInfo, requestInfo } from "../http/request-info.ts";
import { errorResponse } from "../http/response.ts";
import { forwardOverSpdy, forwardOverWebSocket, MAX_FORWARDED_PORTS } from "./port-forward.ts";
import { exitStatus, failureStatus, type RemoteSession, remoteCommandOptions } from "./remote-command.ts";
import { SPDY_COMMAND_PROTOCOLS, spdySession } from "./spdy-session.ts";
import { COMMAND_PROTOCOLS, webSocketSession } from "./websocket-session.ts";

export interface UpgradeOptions {
  api: ClusterStore;
  authenticator: Authenticator;
  runtime: () => PodRuntime | undefined;
  clock: Clock;
  log: Logger;
}

/** A WebSocket message may measure so much. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

const PORT_FORWARD_SPDY = "portforward.k8s.io";
const PORT_FORWARD_TUNNEL = "SPDY/3.1+portforward.k8s.io";
/** `ws` refuses the slash in the real name: under this one it passes, and the answer carries the real one. */
const TUNNEL_ALIAS = "spdy-tunnel";

/** A request that may go on, with all that is needed for it. */
interface Upgrade {
  options: UpgradeOptions;
  request: HttpRequest;
  info: RequestInfo;
  pod: KubernetesObject;
  runtime: PodRuntime;
  socket: Duplex;
  head: Uint8Array;
}

export function createUpgradeHandler(options: UpgradeOptions): UpgradeHandler {
  return (request, socket, head) => {
    handle(options, request, socket, head).catch((error) => {
      if (!isStatus(error)) options.log.error("upgrade failed", { path: request.target, error });
      refuse(socket, error);
    });
  };
}

async function handle(
  options: UpgradeOptions,
  request: HttpRequest,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  const { api, authenticator } = options;
  checkOrigin(request);
  const user = authenticator.authenticate(request);
  const info = requestInfo(request.method, request.target);
  // Upstream asks for `create` on the subresource, however the request is made.
  requireAccess(api.context.store, user, { ...accessOf(info), verb: "create" });
  const isStreamed = ["exec", "attach", "portforward"].includes(info.subresource ?? "");
  if (info.resource !== "pods" || info.group !== "" || !isStreamed) {
    throw statusError("BadRequest", "this path has no other protocol");
  }
  const runtime = options.runtime();
  if (runtime === undefined) throw statusError("ServiceUnavailable", "no kubelet is running");
  const pod = await api.get<KubernetesObject>(RESOURCES.pods, {
    namespace: info.namespace,
    name: info.name!,
  });
  const upgrade = { options, request, info, pod, runtime, socket, head };
  const protocol = (request.headers.upgrade ?? "").toLowerCase();
  if (info.subresource === "portforward") return portForward(upgrade, protocol);
  return runCommand(upgrade, protocol);
}

/** An HTTP answer on a connection that was to become something else. */
function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  const { status, body } = errorResponse(error);
  const text = body as string;
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` +
      `connection: close\r\n\r\n${text}`,
  );
}

async function runCommand(upgrade: Upgrade, protocol: string): Promise<void> {
  const { info, pod, options, request, socket, head } = upgrade;
  const key = containerKey(pod, info.query.get("container"));
  const streams = remoteCommandOptions(info.query);
  if (!pod.spec?.nodeName) throw withoutHost(pod);
  const command = info.query.getAll("command");
  if (info.subresource === "exec" && command.length === 0) {
    throw statusError("BadRequest", "you must specify at least 1 command for the container");
  }
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw statusError("BadRequest", "you must specify at least 1 of stdin, stdout, stderr");
  }
  const start = (containerStreams: ContainerStreams) =>
    info.subresource === "exec"
      ? upgrade.runtime.exec(key, command, containerStreams)
      : upgrade.runtime.attach(key, containerStreams);
  let session: RemoteSession;
  if (protocol === "websocket") {
    session = webSocketSession(await acceptWebSocket(upgrade, COMMAND_PROTOCOLS), streams);
  } else {
    switchToSpdy(request, socket, SPDY_COMMAND_PROTOCOLS);
    session = await spdySession(socket, head, streams, options.clock);
  }
  await runSession(session, streams.tty, start);
}

async function runSession(
  session: RemoteSession,
  tty: boolean,
  start: (streams: ContainerStreams) => Promise<{ exitCode: number }>,
): Promise<void> {
  const { stdin, stdout, stderr, resize, signal } = session;
  let status: object;
  try {
    status = exitStatus((await start({ stdin, stdout, stderr, resize, tty, signal })).exitCode);
  } catch (error) {
    status = failureStatus(error);
  }
  if (!signal.aborted) await session.finish(status);
}

function withoutHost({ metadata }: KubernetesObject) {
  return statusError("BadRequest", `pod ${metadata.name} does not have a host assigned`);
}

async function portForward(upgrade: Upgrade, protocol: string): Promise<void> {
  const { info, pod, request, socket, head, runtime } = upgrade;
  const { name, namespace = "", uid = "" } = pod.metadata;
  if (!pod.spec?.nodeName) throw withoutHost(pod);
  if (pod.status?.phase !== "Running") {
    throw statusError(
      "BadRequest",
      `unable to forward port because pod is not running. Current status=${pod.status?.phase}`,
    );
  }
  const connect = (port: number) => runtime.portForward({ namespace, pod: name, uid }, port);
  if (protocol !== "websocket") {
    switchToSpdy(request, socket, [PORT_FORWARD_SPDY]);
    forwardOverSpdy(socket, head, connect);
    return;
  }
  const offered = protocolsOf(request);
  if (offered.includes(PORT_FORWARD_TUNNEL)) {
    const ws = await acceptWebSocket(upgrade, [TUNNEL_ALIAS]);
    forwardOverSpdy(createWebSocketStream(ws), new Uint8Array(), connect);
    return;
  }
  const ports = info.query
    .getAll("ports")
    .flatMap((text) => text.split(","))
    .map(Number);
  if (
    ports.length === 0 ||
    ports.length > MAX_FORWARDED_PORTS ||
    !ports.every((port) => port >= 1 && port <= 65535)
  ) {
    throw statusError("BadRequest", 'query parameter "ports" is required: 1 to 32 port numbers');
  }
  forwardOverWebSocket(await acceptWebSocket(upgrade, ["v4.channel.k8s.io"]), ports, connect);
}

function protocolsOf({ headers }: HttpRequest): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

/** @throws KubernetesError 400 when the client offers none of the protocols */
function acceptWebSocket(upgrade: Upgrade, protocols: string[]): Promise<WebSocket> {
  const { request, socket, head } = upgrade;
  const offered = protocolsOf(request).map((name) => (name === PORT_FORWARD_TUNNEL ? TUNNEL_ALIAS : name));
  const chosen = protocols.find((name) => offered.includes(name));
  if (chosen === undefined) {
    throw statusError("BadRequest", `unable to upgrade: unsupported protocols: ${offered.join(", ")}`);
  }
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => chosen,
  });
  if (chosen === TUNNEL_ALIAS) {
    server.on("headers", (lines: string[]) => {
      const index = lines.findIndex((line) => line.startsWith("Sec-WebSocket-Protocol:"));
      if (index !== -1) lines[index] = `Sec-WebSocket-Protocol: ${PORT_FORWARD_TUNNEL}`;
    });
  }
  const headers = { ...request.headers, "sec-websocket-protocol": chosen };
  const asNode = { method: "GET", url: request.target, headers } as unknown as IncomingMessage;
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(statusError("BadRequest", "the client went away")));
    server.handleUpgrade(asNode, socket, Buffer.from(head), resolve);
  });
}

function switchToSpdy(request: HttpRequest, socket: Duplex, protocols: string[]): void {
  const { upgrade = "", "x-stream-protocol-version": versions = "" } = request.headers;
  if (upgrade.toLowerCase() !== "spdy/3.1") {
    throw statusError("BadRequest", `unable to upgrade: missing upgrade headers in request`);
  }
  const offered = versions.split(",").map((name) => name.trim());
  const chosen = protocols.find((name) => offered.includes(name));
  if (chosen === undefined) {
    throw statusError(
      "Forbidden",
      `unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${protocols.join(" ")}]`,
    );
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
      `X-Stream-Protocol-Version: ${chosen}\r\n\r\n`,
  );
}
