/** The part of wget(1) that is typed into pods (busybox' set): `wget [-q] [-S] [-O FILE] [--spider] URL`. */
import fs from "node:fs";
import { posix } from "node:path";

interface WgetOptions {
  url: string | undefined;
  output: string | undefined;
  quiet: boolean;
  spider: boolean;
  showHeaders: boolean;
  headers: Record<string, string>;
  body: string | undefined;
  timeoutMs: number;
}

export async function wget(args: string[]): Promise<number> {
  const options = parse(args);
  if (typeof options === "string" || options.url === undefined) {
    console.error(`wget: ${typeof options === "string" ? options : "missing URL"}`);
    return 1;
  }
  const url = new URL(options.url.includes("://") ? options.url : `http://${options.url}`);
  const say = (text: string) => options.quiet || console.error(text);
  say(`Connecting to ${url.host}`);
  try {
    const method = options.spider ? "HEAD" : options.body === undefined ? "GET" : "POST";
    const signal = AbortSignal.timeout(options.timeoutMs);
    const response = await fetch(url, { method, headers: options.headers, body: options.body, signal });
    if (options.showHeaders) {
      console.error(`  HTTP/1.1 ${response.status} ${response.statusText}`);
      for (const [name, value] of response.headers) console.error(`  ${name}: ${value}`);
    }
    if (!response.ok) {
      console.error(`wget: server returned error: HTTP/1.1 ${response.status} ${response.statusText}`);
      return 8;
    }
    if (options.spider) {
      say("remote file exists");
      return 0;
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    const name = options.output ?? (posix.basename(url.pathname) || "index.html");
    if (name === "-") process.stdout.write(bytes);
    else {
      fs.writeFileSync(name, bytes);
      say(`'${name}' saved`);
    }
    return 0;
  } catch (error) {
    const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    const text =
      cause.code === "ENOTFOUND"
        ? `bad address '${url.hostname}'`
        : cause.code === "ECONNREFUSED"
          ? `can't connect to remote host (${url.hostname}): Connection refused`
          : cause.message;
    console.error(`wget: ${text}`);
    return 1;
  }
}

function parse(args: string[]): WgetOptions | string {
  const options: WgetOptions = {
    url: undefined,
    output: undefined,
    quiet: false,
    spider: false,
    showHeaders: false,
    headers: {},
    body: undefined,
    timeoutMs: 900_000,
  };
  for (let index = 0; index < args.length; index++) {
    const [flag, joined] = args[index].startsWith("--") ? splitOnce(args[index]) : [args[index], undefined];
    const value = () => joined ?? args[++index];
    if (flag === "-q" || flag === "--quiet" || flag === "-nv") options.quiet = true;
    else if (flag === "--spider") options.spider = true;
    else if (flag === "-S" || flag === "--server-response") options.showHeaders = true;
    else if (/^-q?O/.test(flag)) {
      options.quiet ||= flag.startsWith("-q");
      options.output = flag.replace(/^-q?O/, "") || value();
    } else if (flag === "--output-document") options.output = value();
    else if (flag === "-T" || flag === "--timeout") options.timeoutMs = Number(value()) * 1000;
    else if (flag === "--post-data") options.body = value();
    else if (flag === "--header") {
      const line = value();
      options.headers[line.slice(0, line.indexOf(":"))] = line.slice(line.indexOf(":") + 1).trim();
    } else if (flag.startsWith("-") && flag !== "-") return `unrecognized option '${flag}'`;
    else options.url = flag;
  }
  return options;
}

function splitOnce(flag: string): [string, string | undefined] {
  const equals = flag.indexOf("=");
  return equals === -1 ? [flag, undefined] : [flag.slice(0, equals), flag.slice(equals + 1)];
}
