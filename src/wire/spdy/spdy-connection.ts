/**
 * The server's side of SPDY/3.1 as kubectl speaks it (moby/spdystream): many streams on one connection, without flow
 * control. Used for exec, attach and port-forward.
 *
 *     control frame   1 | version 3 (15 bits) | type (16) | flags (8) | length (24) | …
 *     data frame      0 | stream id (31 bits)             | flags (8) | length (24) | bytes
 */
import type { Duplex } from "node:stream";
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from "./header-block.ts";

const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const FIN = 1;
const REFUSED_STREAM = 3;
const CANCEL = 5;

/** A frame may measure so much. */
export const MAX_FRAME_BYTES = 1024 * 1024;
/** Streams that are open at a time on one connection. */
export const MAX_STREAMS = 1_000;
/** Bytes that wait to be read before the connection is paused. */
const READ_AHEAD_BYTES = 256 * 1024;
/** Data is sent in frames of this size at most. */
const WRITE_FRAME_BYTES = 64 * 1024;

/** One stream: read by iterating, written by `write`. */
export class SpdyStream implements AsyncIterable<Uint8Array> {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;
  #isWriteEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** For the connection: data that came. */
  push(chunk: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake?.();
  }

  /** For the connection: the other side has said all. */
  pushEnd(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        this.#connection.resumeReading();
        yield chunk;
      } else if (this.#hasEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Resolves when the connection can take more. */
  async write(data: Uint8Array): Promise<void> {
    for (let start = 0; start < data.length; start += WRITE_FRAME_BYTES) {
      if (this.#isWriteEnded) return;
      await this.#connection.sendData(this.id, data.subarray(start, start + WRITE_FRAME_BYTES), false);
    }
  }

  /** Says that nothing more is written. */
  async end(): Promise<void> {
    if (this.#isWriteEnded) return;
    this.#isWriteEnded = true;
    await this.#connection.sendData(this.id, new Uint8Array(), true);
  }

  /** Gives the stream up in both directions. */
  async reset(): Promise<void> {
    this.#isWriteEnded = true;
    this.pushEnd();
    await this.#connection.sendReset(this.id, CANCEL);
  }
}

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #closed = new AbortController();
  #buffer: Buffer = Buffer.alloc(0);
  #writing: Promise<void> = Promise.resolve();
  #isReading = false;

  /**
   * @param onStream called for every stream that the client opens, before it is answered; throwing refuses it
   */
  constructor(socket: Duplex, head: Uint8Array, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
    this.#buffer = Buffer.from(head);
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
      void this.#read();
    });
    socket.on("end", () => this.close());
    socket.on("close", () => this.close());
    socket.on("error", () => this.close());
    if (head.length > 0) void this.#read();
  }

  /** Aborts when the connection has ended. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new Error("the connection has ended"));
    for (const stream of this.#streams.values()) stream.pushEnd();
    this.#streams.clear();
    this.#decoder.close();
    this.#encoder.close();
    this.#socket.end();
    this.#socket.destroy();
  }

  /** Ends the connection when everything written is on its way. */
  async finish(): Promise<void> {
    await this.#writing;
    if (this.#closed.signal.aborted) return;
    await new Promise<void>((resolve) => this.#socket.end(resolve));
    this.close();
  }

  /** For streams: more may be read. */
  resumeReading(): void {
    if (!this.#isReading) void this.#read();
  }

  sendData(id: number, data: Uint8Array, isLast: boolean): Promise<void> {
    const frame = Buffer.alloc(8 + data.length);
    frame.writeUInt32BE(id & 0x7fffffff, 0);
    frame.writeUInt32BE(((isLast ? FIN : 0) << 24) | data.length, 4);
    frame.set(data, 8);
    return this.#send(async () => frame);
  }

  sendReset(id: number, status: number): Promise<void> {
    this.#streams.delete(id);
    const body = Buffer.alloc(8);
    body.writeUInt32BE(id, 0);
    body.writeUInt32BE(status, 4);
    return this.#send(async () => controlFrame(RST_STREAM, 0, body));
  }

  /** Frames in order; resolves when the socket can take more. */
  #send(make: () => Promise<Buffer>): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (this.#closed.signal.aborted) return;
      const frame = await make();
      if (this.#closed.signal.aborted || this.#socket.write(frame)) return;
      await drained(this.#socket, this.#closed.signal);
    });
    return this.#writing;
  }

  /** Takes whole frames from the buffer, one at a time, as long as the streams are read. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#closed.signal.aborted) {
        if (this.#isBehind()) {
          this.#socket.pause();
          break;
        }
        this.#socket.resume();
        const frame = this.#takeFrame();
        if (frame === undefined) break;
        await this.#onFrame(frame);
      }
    } catch {
      this.close();
    } finally {
      this.#isReading = false;
    }
  }

  #isBehind(): boolean {
    let waiting = 0;
    for (const stream of this.#streams.values()) waiting += stream.waitingBytes;
    return waiting > READ_AHEAD_BYTES;
  }

  #takeFrame(): Buffer | undefined {
    if (this.#buffer.length < 8) return undefined;
    const length = this.#buffer.readUInt32BE(4) & 0xffffff;
    if (length > MAX_FRAME_BYTES) throw new Error(`spdy: frame is longer than ${MAX_FRAME_BYTES} bytes`);
    if (this.#buffer.length < 8 + length) return undefined;
    const frame = this.#buffer.subarray(0, 8 + length);
    this.#buffer = this.#buffer.subarray(8 + length);
    return frame;
  }

  async #onFrame(frame: Buffer): Promise<void> {
    const first = frame.readUInt32BE(0);
    const isLast = (frame[4] & FIN) !== 0;
    const body = frame.subarray(8);
    if (first < 0x80000000) {
      const stream = this.#streams.get(first);
      if (body.length > 0) stream?.push(new Uint8Array(body));
      if (isLast) stream?.pushEnd();
      return;
    }
    switch (first & 0xffff) {
      case SYN_STREAM:
        return this.#onSynStream(body, isLast);
      case RST_STREAM: {
        const id = body.readUInt32BE(0);
        this.#streams.get(id)?.pushEnd();
        this.#streams.delete(id);
        return;
      }
      case PING:
        void this.#send(async () => controlFrame(PING, 0, Buffer.from(body)));
        return;
      case GOAWAY:
        return;
    }
  }

  async #onSynStream(body: Buffer, isLast: boolean): Promise<void> {
    const id = body.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#decoder.decode(body.subarray(10));
    const stream = new SpdyStream(this, id, headers);
    if (this.#streams.size >= MAX_STREAMS) {
      void this.sendReset(id, REFUSED_STREAM);
      return;
    }
    this.#streams.set(id, stream);
    if (isLast) stream.pushEnd();
    void this.#send(async () => {
      const block = await this.#encoder.encode({});
      const start = Buffer.alloc(4);
      start.writeUInt32BE(id);
      return controlFrame(SYN_REPLY, 0, Buffer.concat([start, block]));
    });
    try {
      this.#onStream(stream);
    } catch {
      void stream.reset();
    }
  }

  /** For users of a stream: it is done in both directions. */
  forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
  }
}

function controlFrame(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE((flags << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}

function drained(socket: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    socket.on("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
