/** Who asks: a session's cookie, basic authentication, or nobody in particular. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { HttpRequest } from "../base/network.ts";
import { type Random, randomHex } from "../base/random.ts";
import type { GrafanaSettings, Role } from "./settings.ts";

export interface User {
  login: string;
  role: Role;
  anonymous: boolean;
}

/** Sessions that are open at a time; the oldest goes first. */
export const MAX_SESSIONS = 1000;
const SESSION_MS = 7 * 24 * 3_600_000;
/** Failed logins of one address within the window after which it has to wait, as upstream. */
export const MAX_FAILED_LOGINS = 5;
const FAILED_LOGIN_WINDOW_MS = 5 * 60_000;
const MAX_FAILED_ADDRESSES = 10_000;

const COOKIE = "grafana_session";

export class Authentication {
  readonly #settings: GrafanaSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  /** When each session ends. */
  readonly #sessions = new Map<string, number>();
  readonly #failures = new Map<string, { count: number; untilMs: number }>();

  constructor(settings: GrafanaSettings, clock: Clock, random: Random) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  /** The user; undefined when nobody may look without logging in. */
  identify(request: HttpRequest): User | undefined {
    const admin: User = { login: this.#settings.adminUser, role: "Admin", anonymous: false };
    const endsMs = this.#sessions.get(sessionOf(request) ?? "");
    if (endsMs !== undefined && endsMs > this.#clock.now()) return admin;
    const [, basic] = /^Basic (.+)$/i.exec(request.headers["authorization"] ?? "") ?? [];
    if (basic !== undefined) {
      const [user, ...password] = Buffer.from(basic, "base64").toString("utf8").split(":");
      return this.#check(user, password.join(":"), request.remoteAddress) ? admin : undefined;
    }
    if (!this.#settings.anonymous) return undefined;
    return { login: "", role: this.#settings.anonymousRole, anonymous: true };
  }

  /** The cookie of a new session; undefined when name or password are wrong. */
  logIn(user: string, password: string, address: string): string | undefined {
    if (!this.#check(user, password, address)) return undefined;
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
    const session = randomHex(this.#random, 16);
    this.#sessions.set(session, this.#clock.now() + SESSION_MS);
    return `${COOKIE}=${session}; Path=/; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Lax`;
  }

  /** Ends the session; the cookie that makes the browser forget it. */
  logOut(request: HttpRequest): string {
    this.#sessions.delete(sessionOf(request) ?? "");
    return `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`;
  }

  #check(user: string, password: string, address: string): boolean {
    const nowMs = this.#clock.now();
    const failed = this.#failures.get(address);
    if (failed !== undefined && failed.untilMs <= nowMs) this.#failures.delete(address);
    else if (failed !== undefined && failed.count >= MAX_FAILED_LOGINS) return false;
    const isRight = isSame(user, this.#settings.adminUser) && isSame(password, this.#settings.adminPassword);
    if (isRight) this.#failures.delete(address);
    else {
      if (this.#failures.size >= MAX_FAILED_ADDRESSES) this.#failures.clear();
      const count = (this.#failures.get(address)?.count ?? 0) + 1;
      this.#failures.set(address, { count, untilMs: nowMs + FAILED_LOGIN_WINDOW_MS });
    }
    return isRight;
  }
}

/** In the same time whatever the texts are. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function sessionOf(request: HttpRequest): string | undefined {
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]+)`).exec(request.headers["cookie"] ?? "")?.[1];
}
