/**
 * One HTTP/1.1 GET again and again on one connection, each answer in the buffer of the one before: for scrapes, where
 * the general client spends more on streams and chunks than the scrape itself takes.
 */
import { connect, type Socket } from "node:net";
import {
  BodyLimitError,
  BodyReadError,
  type HttpHeaders,
  type RepeatedFetch,
  type RepeatedFetchOptions,
  type RepeatedResponse,
} from "./network.ts";

const FIRST_BUFFER_BYTES = 64 * 1024;
/** A read asks for so much room at least. */
const MIN_READ_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;

interface Pending {
  options: RepeatedFetchOptions;
  resolve: (response: RepeatedResponse) => void;
  reject: (error: unknown) => void;
  /** The connection had been used before: that it is closed now says nothing about the server. */
  isReused: boolean;
}

export class NodeRepeatedFetch implements RepeatedFetch {
  readonly #host: string;
  readonly #port: number;
  readonly #head: string;
  #socket: Socket | undefined;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;
  #pending: Pending | undefined;
  #response: ResponseReader | undefined;

  /** @param url of the scheme http */
  constructor(url: string) {
    const { hostname, port, host, pathname, search } = new URL(url);
    this.#host = hostname.replace(/^\[(.*)\]$/, "$1");
    this.#port = Number(port || 80);
    this.#head = `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n`;
  }

  fetch(options: RepeatedFetchOptions): Promise<RepeatedResponse> {
    if (this.#pending !== undefined) return Promise.reject(new Error("the request before has not ended"));
    const { promise, resolve, reject } = Promise.withResolvers<RepeatedResponse>();
    const { signal, timeoutMs } = options;
    const abort = (reason: unknown) => this.#fail(reason);
    const timer = setTimeout(
      () => abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
      timeoutMs,
    );
    const onAbort = () => abort(signal?.reason);
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    this.#pending = {
      options,
      isReused: this.#socket !== undefined,
      resolve: (response) => {
        finish();
        resolve(response);
      },
      reject: (error) => {
        finish();
        reject(error);
      },
    };
    if (signal?.aborted) onAbort();
    else {
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#send();
    }
    return promise;
  }

  close(): void {
    this.#fail(new Error("closed"));
    this.#socket?.destroy();
  }

  #send(): void {
    const { headers } = this.#pending!.options;
    let text = this.#head;
    for (const name in headers) {
      if (/[\r\n]/.test(headers[name])) {
        this.#fail(new TypeError(`Invalid value of header ${name}`));
        return;
      }
      text += `${name}: ${headers[name]}\r\n`;
    }
    this.#length = 0;
    this.#response = undefined;
    this.#socket ??= this.#open();
    this.#socket.write(`${text}\r\n`, "latin1");
  }

  #open(): Socket {
    const socket: Socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: () => this.#room(),
        callback: (count) => {
          if (this.#socket === socket) this.#received(count);
          return true;
        },
      },
    });
    socket.on("error", (error) => this.#closed(socket, error));
    socket.on("end", () => this.#closed(socket, undefined));
    socket.on("close", () => this.#closed(socket, undefined));
    return socket;
  }

  #room(): Uint8Array {
    if (this.#buffer.length - this.#length < MIN_READ_BYTES) {
      const larger = new Uint8Array(2 * this.#buffer.length);
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#length);
  }

  #received(count: number): void {
    if (this.#pending === undefined) {
      this.#drop();
      return;
    }
    this.#length += count;
    try {
      this.#response ??= readHead(this.#buffer, this.#length);
      if (this.#response === undefined) return;
      const body = this.#response.advance(this.#buffer, this.#length, this.#pending.options.limitBytes);
      if (body !== undefined) this.#finish(body);
    } catch (error) {
      this.#fail(error);
    }
  }

  #finish(bytes: Uint8Array): void {
    const { status, headers, isLast } = this.#response!;
    const { resolve } = this.#pending!;
    this.#pending = undefined;
    // The socket takes its next piece of the buffer now: it is for the start of the next response.
    this.#length = 0;
    if (isLast) this.#drop();
    resolve({ status, headers, bytes });
  }

  #closed(socket: Socket, error: Error | undefined): void {
    socket.destroy();
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const pending = this.#pending;
    if (pending === undefined) return;
    if (this.#response?.endsWithConnection && error === undefined)
      this.#finish(this.#response.rest(this.#buffer, this.#length));
    else if (pending.isReused && this.#length === 0) {
      // The server had closed an idle connection just when it was to be used.
      pending.isReused = false;
      this.#send();
    } else this.#fail(error ?? Object.assign(new Error(this.#hangUpText), { code: "ECONNRESET" }));
  }

  /** As Node says it of a connection that ended before, and within, a response. */
  get #hangUpText(): string {
    return this.#response === undefined ? "socket hang up" : "aborted";
  }

  #fail(error: unknown): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#drop();
    const isPlain = this.#response === undefined || error instanceof BodyLimitError;
    pending?.reject(isPlain ? error : new BodyReadError(error));
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}

/** Reads one response's body as it arrives. */
class ResponseReader {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly #start: number;
  readonly #isChunked: boolean;
  readonly #contentLength: number | undefined;
  /** Chunked: where the next chunk's size is to be read, and how far the body is put together. */
  #at: number;
  #end: number;

  constructor(status: number, headers: HttpHeaders, start: number) {
    this.status = status;
    this.headers = headers;
    this.#start = start;
    this.#at = start;
    this.#end = start;
    this.#isChunked = /(^|,)\s*chunked\s*$/i.test(headers["transfer-encoding"] ?? "");
    const length = headers["content-length"];
    if (length !== undefined && !/^\d+$/.test(length))
      throw new Error(`${BROKEN}bad Content-Length ${JSON.stringify(length)}`);
    this.#contentLength =
      status === 204 || status === 304 ? 0 : length === undefined ? undefined : Number(length);
  }

  get endsWithConnection(): boolean {
    return !this.#isChunked && this.#contentLength === undefined;
  }

  /** The connection serves no other request. */
  get isLast(): boolean {
    return this.endsWithConnection || /\bclose\b/i.test(this.headers.connection ?? "");
  }

  /** The body when it is complete. */
  advance(buffer: Uint8Array, length: number, limitBytes: number): Uint8Array | undefined {
    if (this.#isChunked) return this.#chunks(buffer, length, limitBytes);
    const size = this.#contentLength;
    if ((size ?? length - this.#start) > limitBytes) throw new BodyLimitError(limitBytes);
    if (size === undefined || length - this.#start < size) return undefined;
    return buffer.subarray(this.#start, this.#start + size);
  }

  /** What has come when the connection's end is that of the body. */
  rest(buffer: Uint8Array, length: number): Uint8Array {
    return buffer.subarray(this.#start, length);
  }

  /** Moves chunks together where the body starts. */
  #chunks(buffer: Uint8Array, length: number, limitBytes: number): Uint8Array | undefined {
    for (;;) {
      const lineEnd = indexOfLineEnd(buffer, this.#at, length);
      if (lineEnd < 0) {
        if (length - this.#at > 1024) throw new Error("invalid chunk size");
        return undefined;
      }
      const text = latin1(buffer, this.#at, lineEnd).split(";")[0].trim();
      if (!/^[0-9a-fA-F]{1,8}$/.test(text)) throw new Error("invalid byte in chunk length");
      const size = Number.parseInt(text, 16);
      const start = lineEnd + 2;
      if (size === 0) {
        // Trailers, which nobody here asks for, up to an empty line.
        for (let at = start; ; ) {
          const end = indexOfLineEnd(buffer, at, length);
          if (end < 0) return undefined;
          if (end === at) return buffer.subarray(this.#start, this.#end);
          at = end + 2;
        }
      }
      if (this.#end - this.#start + size > limitBytes) throw new BodyLimitError(limitBytes);
      if (start + size + 2 > length) return undefined;
      buffer.copyWithin(this.#end, start, start + size);
      this.#end += size;
      this.#at = start + size + 2;
    }
  }
}

/** The response's head when it has come whole, past such as only say that it is to come. */
function readHead(buffer: Uint8Array, length: number): ResponseReader | undefined {
  for (let start = 0; ; ) {
    const end = headEnd(buffer, start, length);
    if (end === undefined) return undefined;
    const reader = parseHead(latin1(buffer, start, end), end);
    if (reader.status >= 200 || reader.status === 101) return reader;
    start = end;
  }
}

/** Behind the empty line that ends a head. Lines may end without a carriage return. */
function headEnd(buffer: Uint8Array, start: number, length: number): number | undefined {
  const limit = Math.min(length, MAX_HEADER_BYTES);
  for (let i = start + 1; i < limit; i++) {
    if (buffer[i] !== 10) continue;
    if (buffer[i - 1] === 10 || (buffer[i - 1] === 13 && buffer[i - 2] === 10)) return i + 1;
    // What does not even begin as a response need not be waited for.
    if (!latin1(buffer, start, Math.min(start + 5, length)).startsWith("HTTP/"))
      throw new Error(`${BROKEN}malformed HTTP response ${JSON.stringify(firstLine(buffer, start, i))}`);
  }
  if (length >= MAX_HEADER_BYTES) throw new Error("the response's headers are too long");
  return undefined;
}

/** What Go puts before a problem of the protocol. */
const BROKEN = "net/http: HTTP/1.x transport connection broken: ";

function firstLine(buffer: Uint8Array, start: number, end: number): string {
  return latin1(buffer, start, end).replace(/\r$/, "");
}

function parseHead(text: string, end: number): ResponseReader {
  const [statusLine, ...lines] = text.split(/\r?\n/);
  const match = /^HTTP\/1\.([01]) +(\S*)/.exec(statusLine);
  if (match === null) throw new Error(`${BROKEN}malformed HTTP response ${JSON.stringify(statusLine)}`);
  if (!/^\d{3}$/.test(match[2]))
    throw new Error(`${BROKEN}malformed HTTP status code ${JSON.stringify(match[2])}`);
  const headers: HttpHeaders = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  if (match[1] === "0" && headers.connection === undefined) headers.connection = "close";
  return new ResponseReader(Number(match[2]), headers, end);
}

function indexOfLineEnd(buffer: Uint8Array, from: number, length: number): number {
  for (let i = from; i + 1 < length; i++) if (buffer[i] === 13 && buffer[i + 1] === 10) return i;
  return -1;
}

function latin1(buffer: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start).toString("latin1");
}
