/**
 * What `--web.config.file` asks of each request: who may come, how often, and headers of each answer
 * (`web/handler.go` of exporter-toolkit). The file is read again when it has changed.
 */
import type { Disk, FileStat } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../base/network.ts";
import { textResponse } from "../../base/network.ts";
import { readWebConfig, type WebConfig } from "../config/web-config.ts";

export interface WebGuardOptions {
  path: string;
  disk: Disk;
  log: Logger;
  /** Milliseconds that never go back. */
  monotonic: () => number;
  /** Whether a password is the one that a bcrypt hash was made of. */
  compare: (password: string, hash: string) => Promise<boolean>;
}

/** So many answers about users and passwords are remembered, since each costs a bcrypt hash. */
export const MAX_REMEMBERED_LOGINS = 100;
/** Compared with the password of a user who does not exist, so that it takes as long as one who does. */
const NOBODYS_HASH = "$2b$10$V/OL44JVOT1jYyxYTfL0t.jVZCrplLO//Ii8e4cJdBnrYeL3xep5.";

export class WebGuard {
  readonly #options: WebGuardOptions;
  readonly #logins = new Map<string, boolean>();
  #config: WebConfig | undefined;
  #stat: FileStat | undefined;
  /** Hashes are made one at a time. */
  #comparing: Promise<unknown> = Promise.resolve();
  readonly #limiter: TokenBucket | undefined;

  /** @param config as the file is now: its rate limit holds until the end */
  constructor(options: WebGuardOptions, config: WebConfig) {
    this.#options = options;
    const { burst, interval } = config.rate_limit;
    this.#limiter = interval === 0 ? undefined : new TokenBucket(burst, interval, options.monotonic);
  }

  /** The handler behind this guard. */
  protect(handler: HttpHandler): HttpHandler {
    return async (request) => {
      let config: WebConfig;
      try {
        config = await this.#current();
      } catch (error) {
        this.#options.log.error("Unable to parse configuration", { err: error });
        return refusal(500, "Internal Server Error");
      }
      if (this.#limiter?.take() === false) return refusal(429, "Too Many Requests");
      const isAllowed = await this.#isAllowed(request, config.basic_auth_users ?? {});
      const answer = isAllowed
        ? await handler(request)
        : refusal(401, "Unauthorized", { "www-authenticate": "Basic" });
      return withHeaders(answer, config.http_server_config.headers);
    };
  }

  async #current(): Promise<WebConfig> {
    const { path, disk } = this.#options;
    const stat = await disk.stat(path);
    const isSame = stat?.modifiedMs === this.#stat?.modifiedMs && stat?.size === this.#stat?.size;
    if (this.#config === undefined || !isSame) {
      this.#config = undefined;
      this.#config = await readWebConfig(path, disk);
      this.#stat = stat;
    }
    return this.#config;
  }

  async #isAllowed(request: HttpRequest, users: Readonly<Record<string, string>>): Promise<boolean> {
    if (Object.keys(users).length === 0) return true;
    const login = loginOf(request.headers.authorization);
    if (login === undefined) return false;
    const { user, password } = login;
    const isKnown = Object.hasOwn(users, user);
    const hash = isKnown ? users[user] : NOBODYS_HASH;
    const key = JSON.stringify([user, hash, password]);
    let isRight = this.#logins.get(key);
    if (isRight === undefined) {
      isRight = (await this.#compare(password, hash)) && isKnown;
      this.#remember(key, isRight);
    }
    return isRight;
  }

  #compare(password: string, hash: string): Promise<boolean> {
    const result = this.#comparing.then(() => this.#options.compare(password, hash)).catch(() => false);
    this.#comparing = result;
    return result;
  }

  #remember(key: string, isRight: boolean): void {
    if (this.#logins.size >= MAX_REMEMBERED_LOGINS) {
      const [oldest] = this.#logins.keys();
      this.#logins.delete(oldest);
    }
    this.#logins.set(key, isRight);
  }
}

/** One request an interval on average, and `burst` at once. */
class TokenBucket {
  readonly #burst: number;
  readonly #intervalMs: number;
  readonly #monotonic: () => number;
  #tokens: number;
  #filledMs: number;

  constructor(burst: number, intervalMs: number, monotonic: () => number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#monotonic = monotonic;
    this.#tokens = burst;
    this.#filledMs = monotonic();
  }

  take(): boolean {
    const now = this.#monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledMs) / this.#intervalMs);
    this.#filledMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** Of `Authorization: Basic …`; undefined where there is none that can be read. */
function loginOf(authorization = ""): { user: string; password: string } | undefined {
  const encoded = /^basic ([A-Za-z0-9+/]*={0,2})$/i.exec(authorization)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function refusal(status: number, text: string, headers: Record<string, string> = {}): HttpResponse {
  return textResponse(status, `${text}\n`, { "x-content-type-options": "nosniff", ...headers });
}

/** Those of the answer win. */
function withHeaders(answer: HttpResponse, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  if (Object.keys(headers).length === 0) return answer;
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...answer, headers: { ...Object.fromEntries(lower), ...answer.headers } };
}
