/**
 * Header blocks of SPDY/3.1: name-value pairs, compressed by zlib with a dictionary that both sides know
 * (draft-mbelshe-httpbis-spdy-00, 2.6.10). One compressor and one decompressor live as long as the connection.
 */
import { constants, createDeflate, createInflate } from "node:zlib";

/** The dictionary: words with their length in front, then plain text. 1,423 bytes, fixed by the protocol. */
const WORDS =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow " +
  "authorization cache-control connection content-base content-encoding content-language content-length " +
  "content-location content-md5 content-range content-type date etag expect expires from host if-match " +
  "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma " +
  "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade " +
  "user-agent vary via warning www-authenticate method get status|200 OK|version HTTP/1.1 url public set-cookie " +
  "keep-alive origin";
const TEXT =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden" +
  "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable" +
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export const SPDY_DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.split(/ (?=[a-z]|HTTP)|\|/).map(lengthPrefixed),
  Buffer.from(TEXT, "latin1"),
]);

/** Bytes of one block, decompressed. */
export const MAX_HEADER_BLOCK_BYTES = 16 * 1024;

export type SpdyHeaders = Record<string, string>;

export class HeaderDecoder {
  readonly #inflate = createInflate({ dictionary: SPDY_DICTIONARY });
  #output: Buffer[] = [];
  #length = 0;
  #failed: ((error: Error) => void) | undefined;

  constructor() {
    this.#inflate.on("data", (chunk: Buffer) => {
      this.#length += chunk.length;
      if (this.#length <= MAX_HEADER_BLOCK_BYTES) this.#output.push(chunk);
    });
    this.#inflate.on("error", (error) => this.#failed?.(error));
  }

  /** Blocks in the order in which they came, one at a time. @throws Error when a block is malformed */
  async decode(block: Uint8Array): Promise<SpdyHeaders> {
    this.#output = [];
    this.#length = 0;
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject;
      this.#inflate.write(block);
      this.#inflate.flush(constants.Z_SYNC_FLUSH, () => resolve());
    });
    if (this.#length > MAX_HEADER_BLOCK_BYTES)
      throw new Error(`spdy: headers are longer than ${MAX_HEADER_BLOCK_BYTES} bytes`);
    return readPairs(Buffer.concat(this.#output));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function readPairs(bytes: Buffer): SpdyHeaders {
  let position = 0;
  const number = () => {
    if (position + 4 > bytes.length) throw new Error("spdy: header block is cut off");
    position += 4;
    return bytes.readUInt32BE(position - 4);
  };
  const string = () => {
    const length = number();
    if (position + length > bytes.length) throw new Error("spdy: header block is cut off");
    position += length;
    return bytes.toString("utf8", position - length, position);
  };
  const headers: SpdyHeaders = {};
  for (let left = number(); left > 0; left--) {
    const name = string().toLowerCase();
    const value = string();
    if (name !== "__proto__") headers[name] = value;
  }
  return headers;
}

export class HeaderEncoder {
  readonly #deflate = createDeflate({ dictionary: SPDY_DICTIONARY });
  #output: Buffer[] = [];

  constructor() {
    this.#deflate.on("data", (chunk: Buffer) => this.#output.push(chunk));
  }

  /** One at a time. */
  async encode(headers: SpdyHeaders): Promise<Buffer> {
    const pairs = Object.entries(headers);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(pairs.length);
    const parts = pairs.flatMap(([name, value]) => [lengthPrefixed(name), lengthPrefixed(value)]);
    this.#output = [];
    this.#deflate.write(Buffer.concat([count, ...parts]));
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    return Buffer.concat(this.#output);
  }

  close(): void {
    this.#deflate.destroy();
  }
}
