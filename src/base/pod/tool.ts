/**
 * `curl`, `wget`, `nc`, `nslookup`, `hostname` and `getent` for shells in pods: `node tool.ts NAME ARGS`. The preload
 * has made this process one of the pod's, so names and localhost are right in it. `curl` hands over to the machine's
 * own when there is one, told where the names lead; the others are done here, as a machine may lack them.
 */
import { spawn } from "node:child_process";
import dns from "node:dns";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import { delimiter, join } from "node:path";
import { podEnvironment } from "./pod-environment.ts";
import { curl } from "./tool-curl.ts";
import { wget } from "./tool-wget.ts";

/** Resolves with the exit code. */
export type Tool = (args: string[]) => Promise<number>;

const TOOLS: Record<string, Tool> = {
  curl: (args) => machineCurl(args),
  wget,
  nc,
  nslookup,
  hostname: async (args) => {
    console.log(args.includes("-i") || args.includes("-I") ? podEnvironment(process.env)?.ip : os.hostname());
    return 0;
  },
  getent,
};

/** The machine's curl, with every host of the command line resolved; our own where there is none. */
async function machineCurl(args: string[]): Promise<number> {
  const program = (process.env.PATH ?? "")
    .split(delimiter)
    .slice(1)
    .map((folder) => join(folder, "curl"))
    .find((path) => fs.existsSync(path));
  const { ip, portDirectory } = podEnvironment(process.env) ?? {};
  // The machine's own cannot look up where a pod's port is.
  if (program === undefined || ip === undefined || portDirectory !== undefined) return curl(args);
  const hosts = new Set(args.flatMap(hostOf));
  const connections = ["localhost", "127.0.0.1"].map((host) => [host, ip]);
  for (const host of hosts) {
    if (net.isIP(host) !== 0 || host === "localhost") continue;
    const found = await dns.promises.lookup(host, { family: 4 }).catch(() => undefined);
    if (found !== undefined) connections.push([host, found.address]);
  }
  const options = connections.flatMap(([host, address]) => ["--connect-to", `${host}::${address}:`]);
  const child = spawn(program, [...options, ...args], { stdio: "inherit", argv0: "curl" });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

/** The host that an argument names, if it can be a URL. */
function hostOf(argument: string): string[] {
  if (argument.startsWith("-")) return [];
  try {
    const url = new URL(argument.includes("://") ? argument : `http://${argument}`);
    return [url.hostname];
  } catch {
    return [];
  }
}

/** `nc [-zvnul] [-w seconds] [-p port] host port`: connects and passes bytes on, scans, or listens. */
async function nc(args: string[]): Promise<number> {
  const { flags, values, rest } = parseFlags(args, "wp", "zvnlNk46");
  const verbose = flags.has("v");
  if (flags.has("l")) return listen(Number(values.get("p") ?? rest.at(-1)));
  const [host, ports] = rest;
  if (host === undefined || ports === undefined) {
    console.error("usage: nc [-lnvz] [-p port] [-w timeout] [destination] [port]");
    return 1;
  }
  const timeoutMs = Number(values.get("w") ?? 0) * 1000;
  let code = 1;
  for (const port of portRange(ports)) {
    const result = await dial(host, port, timeoutMs);
    if (typeof result === "string") {
      if (verbose) console.error(`nc: connect to ${host} port ${port} (tcp) failed: ${result}`);
      continue;
    }
    code = 0;
    const { remoteAddress } = result;
    if (verbose) console.error(`Connection to ${host} (${remoteAddress}) ${port} port [tcp/*] succeeded!`);
    if (flags.has("z")) result.destroy();
    else await pass(result);
  }
  return code;
}

function portRange(text: string): number[] {
  const [first, last = first] = text.split("-").map(Number);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "Connection refused",
  ETIMEDOUT: "Operation timed out",
  ENOTFOUND: "Name or service not known",
  EHOSTUNREACH: "No route to host",
};

function dial(host: string, port: number, timeoutMs: number): Promise<net.Socket | string> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    if (timeoutMs > 0) {
      socket.setTimeout(timeoutMs, () => {
        socket.destroy();
        resolve("Operation timed out");
      });
    }
    socket.once("connect", () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(REASONS[error.code ?? ""] ?? error.message),
    );
  });
}

function pass(socket: net.Socket): Promise<void> {
  process.stdin.pipe(socket);
  socket.pipe(process.stdout, { end: false });
  return new Promise((resolve) =>
    socket.on("close", () => {
      process.stdin.destroy();
      resolve();
    }),
  );
}

function listen(port: number): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      server.close();
      void pass(socket).then(() => resolve(0));
    });
    server.on("error", (error) => {
      console.error(`nc: ${error.message}`);
      resolve(1);
    });
    server.listen(port);
  });
}

async function nslookup(args: string[]): Promise<number> {
  const name = args.find((arg) => !arg.startsWith("-"));
  const pod = podEnvironment(process.env);
  if (name === undefined) {
    console.error("usage: nslookup HOST");
    return 1;
  }
  console.log(`Server:\t\t${pod?.dns.host}\nAddress:\t${pod?.dns.host}#${pod?.dns.port}\n`);
  try {
    const found = await dns.promises.lookup(name, { all: true, family: 4 });
    for (const { address } of found) console.log(`Name:\t${name}\nAddress: ${address}`);
    console.log();
    return 0;
  } catch {
    console.log(`** server can't find ${name}: NXDOMAIN\n`);
    return 1;
  }
}

async function getent([database, ...names]: string[]): Promise<number> {
  if (database !== "hosts" && database !== "ahosts") {
    console.error(`getent: Unknown database: ${database}`);
    return 1;
  }
  for (const name of names) {
    const found = await dns.promises.lookup(name, { all: true, family: 4 }).catch(() => []);
    if (found.length === 0) return 2;
    for (const { address } of found) console.log(`${address.padEnd(15)} ${name}`);
  }
  return 0;
}

/** Single-letter flags, also joined (`-zv`); those of `withValue` take the rest or the next argument. */
export function parseFlags(args: string[], withValue: string, plain: string) {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    for (let at = 1; at < arg.length; at++) {
      if (withValue.includes(arg[at])) {
        values.set(arg[at], arg.slice(at + 1) || args[++index]);
        break;
      }
      if (!plain.includes(arg[at])) {
        console.error(`invalid option -- '${arg[at]}'`);
        process.exit(1);
      }
      flags.add(arg[at]);
    }
  }
  return { flags, values, rest };
}

const [name, ...args] = process.argv.slice(2);
process.exitCode = await TOOLS[name](args);
