/** The part of curl(1) that is typed into pods, for machines without it. */
import fs from "node:fs";
import http from "node:http";
import https from "node:https";

interface CurlOptions {
  urls: string[];
  method: string | undefined;
  headers: [string, string][];
  data: string[];
  dataInQuery: boolean;
  silent: boolean;
  showErrors: boolean;
  failOnError: boolean;
  includeHeaders: boolean;
  headOnly: boolean;
  follow: boolean;
  insecure: boolean;
  output: string | undefined;
  writeOut: string | undefined;
  maxSeconds: number | undefined;
  verbose: boolean;
}

const LONG: Record<string, string> = {
  request: "X",
  header: "H",
  data: "d",
  "data-raw": "d",
  "data-binary": "B",
  "data-urlencode": "E",
  get: "G",
  silent: "s",
  "show-error": "S",
  fail: "f",
  include: "i",
  head: "I",
  location: "L",
  insecure: "k",
  output: "o",
  "write-out": "w",
  "max-time": "m",
  "connect-timeout": "m",
  user: "u",
  verbose: "v",
  url: "U",
  json: "J",
};
const WITH_VALUE = "XHdBEowmuUJA";
/** curl's exit codes. */
const EXIT = { usage: 2, unsupported: 1, resolve: 6, connect: 7, http: 22, timeout: 28 };
const MAX_REDIRECTS = 50;

export async function curl(args: string[]): Promise<number> {
  const options = parse(args);
  if (typeof options === "string") {
    console.error(`curl: ${options}`);
    return EXIT.usage;
  }
  let code = 0;
  for (const url of options.urls) code = await transfer(options, url.includes("://") ? url : `http://${url}`);
  return code;
}

function parse(args: string[]): CurlOptions | string {
  const options: CurlOptions = {
    urls: [],
    method: undefined,
    headers: [],
    data: [],
    dataInQuery: false,
    silent: false,
    showErrors: false,
    failOnError: false,
    includeHeaders: false,
    headOnly: false,
    follow: false,
    insecure: false,
    output: undefined,
    writeOut: undefined,
    maxSeconds: undefined,
    verbose: false,
  };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (!arg.startsWith("-") || arg === "-") {
      options.urls.push(arg);
      continue;
    }
    const letters = arg.startsWith("--") ? LONG[arg.slice(2)] : arg.slice(1);
    if (letters === undefined) return `option ${arg}: is unknown`;
    for (let at = 0; at < letters.length; at++) {
      const letter = letters[at];
      if (WITH_VALUE.includes(letter)) {
        const value = (arg.startsWith("--") ? "" : letters.slice(at + 1)) || args[++index];
        if (value === undefined) return `option ${arg}: requires parameter`;
        setValue(options, letter, value);
        break;
      }
      if (!setFlag(options, letter)) return `option ${arg}: is unknown`;
    }
  }
  return options.urls.length === 0 ? "no URL specified" : options;
}

function setValue(options: CurlOptions, letter: string, value: string): void {
  const content = () =>
    value.startsWith("@") ? fs.readFileSync(value === "@-" ? 0 : value.slice(1), "utf8") : value;
  if (letter === "X") options.method = value;
  else if (letter === "H") options.headers.push(headerOf(value));
  else if (letter === "A") options.headers.push(["user-agent", value]);
  else if (letter === "d")
    options.data.push(value.startsWith("@") ? content().replace(/[\r\n]/g, "") : value);
  else if (letter === "B") options.data.push(content());
  else if (letter === "J") {
    options.data.push(content());
    options.headers.push(["content-type", "application/json"], ["accept", "application/json"]);
  } else if (letter === "E") options.data.push(urlEncoded(value));
  else if (letter === "o") options.output = value;
  else if (letter === "w") options.writeOut = value;
  else if (letter === "m") options.maxSeconds = Number(value);
  else if (letter === "U") options.urls.push(value);
  else if (letter === "u")
    options.headers.push(["authorization", `Basic ${Buffer.from(value).toString("base64")}`]);
}

function setFlag(options: CurlOptions, letter: string): boolean {
  const flags: Record<string, keyof CurlOptions> = {
    G: "dataInQuery",
    s: "silent",
    S: "showErrors",
    f: "failOnError",
    i: "includeHeaders",
    I: "headOnly",
    L: "follow",
    k: "insecure",
    v: "verbose",
  };
  const name = flags[letter];
  if (name === undefined) return false;
  Object.assign(options, { [name]: true });
  return true;
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
}

/** `name=content` with only the content encoded. */
function urlEncoded(value: string): string {
  const equals = value.indexOf("=");
  return value.slice(0, equals + 1) + encodeURIComponent(value.slice(equals + 1));
}

async function transfer(options: CurlOptions, url: string, redirects = 0): Promise<number> {
  const target = new URL(url);
  const body = options.data.join("&");
  const hasBody = options.data.length > 0 && !options.dataInQuery;
  if (options.dataInQuery && body !== "") target.search += (target.search === "" ? "?" : "&") + body;
  const headers: Record<string, string> = { "user-agent": "curl/8", accept: "*/*" };
  if (hasBody) headers["content-type"] = "application/x-www-form-urlencoded";
  for (const [name, value] of options.headers) headers[name] = value;
  const method = options.method ?? (options.headOnly ? "HEAD" : hasBody ? "POST" : "GET");
  const signal =
    options.maxSeconds === undefined ? undefined : AbortSignal.timeout(options.maxSeconds * 1000);
  try {
    const response = await send(
      target,
      { method, headers, signal },
      hasBody ? body : undefined,
      options.insecure,
    );
    const { location } = response.headers;
    const isRedirect = response.statusCode! >= 300 && response.statusCode! < 400 && location !== undefined;
    if (options.follow && isRedirect && redirects < MAX_REDIRECTS) {
      response.resume();
      return transfer(options, new URL(location, target).href, redirects + 1);
    }
    return await show(options, response, target);
  } catch (error) {
    return explain(options, error as NodeJS.ErrnoException, target);
  }
}

function send(
  target: URL,
  request: http.RequestOptions,
  body: string | undefined,
  insecure: boolean,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { ...request, rejectUnauthorized: !insecure };
    const module = target.protocol === "https:" ? https : http;
    module.request(target, options, resolve).on("error", reject).end(body);
  });
}

async function show(options: CurlOptions, response: http.IncomingMessage, target: URL): Promise<number> {
  const status = response.statusCode!;
  const failed = options.failOnError && status >= 400;
  const out = options.output === undefined ? process.stdout : fs.createWriteStream(options.output);
  let size = 0;
  if (options.includeHeaders || options.headOnly) {
    const lines = response.rawHeaders.flatMap((name, index, all) =>
      index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : [],
    );
    out.write(`HTTP/1.1 ${status} ${response.statusMessage}\r\n${lines.join("\r\n")}\r\n\r\n`);
  }
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (!failed) out.write(chunk);
  }
  if (options.writeOut !== undefined) {
    const variables: Record<string, string> = {
      http_code: String(status),
      response_code: String(status),
      size_download: String(size),
      url_effective: target.href,
      content_type: response.headers["content-type"] ?? "",
    };
    const text = options.writeOut.replaceAll("\\n", "\n").replaceAll("\\t", "\t");
    process.stdout.write(text.replace(/%\{(\w+)\}/g, (_match, name: string) => variables[name] ?? ""));
  }
  if (!failed) return 0;
  if (!options.silent || options.showErrors) {
    console.error(`curl: (22) The requested URL returned error: ${status}`);
  }
  return EXIT.http;
}

function explain(
  options: CurlOptions,
  error: NodeJS.ErrnoException,
  { hostname, port, protocol }: URL,
): number {
  const at = port || (protocol === "https:" ? "443" : "80");
  const [code, text] =
    error.code === "ENOTFOUND" || error.code === "EAI_AGAIN"
      ? [EXIT.resolve, `Could not resolve host: ${hostname}`]
      : error.name === "TimeoutError" || error.name === "AbortError"
        ? [EXIT.timeout, `Operation timed out after ${options.maxSeconds! * 1000} milliseconds`]
        : error.code === "ECONNREFUSED"
          ? [EXIT.connect, `Failed to connect to ${hostname} port ${at}: Connection refused`]
          : [EXIT.connect, error.message];
  if (!options.silent || options.showErrors) console.error(`curl: (${code}) ${text}`);
  return code;
}
