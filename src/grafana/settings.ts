/** What Grafana takes from its environment: `GF_<SECTION>_<KEY>` (upstream `conf/defaults.ini`). */

export interface GrafanaSettings {
  /** `GF_SERVER_HTTP_ADDR`. */
  host: string;
  /** `GF_SERVER_HTTP_PORT`. */
  port: number;
  adminUser: string;
  adminPassword: string;
  /** `GF_AUTH_ANONYMOUS_ENABLED`: who is not logged in may look. */
  anonymous: boolean;
  /** `GF_AUTH_ANONYMOUS_ORG_ROLE`. */
  anonymousRole: Role;
  provisioningPath: string;
  dataPath: string;
  /** Where traces come in and are asked for, as Tempo does; undefined for not at all. */
  tempo: { otlpPort: number; httpPort: number } | undefined;
  /** The same for logs, as Loki does. */
  lokiPort: number | undefined;
}

export type Role = "Viewer" | "Editor" | "Admin";

/** @throws an error that names the variable */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): GrafanaSettings {
  const text = (name: string, fallback: string) => env[`GF_${name}`] || fallback;
  const port = Number(text("SERVER_HTTP_PORT", "3000"));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`GF_SERVER_HTTP_PORT: ${env["GF_SERVER_HTTP_PORT"]} is no port`);
  }
  const role = text("AUTH_ANONYMOUS_ORG_ROLE", "Viewer");
  if (role !== "Viewer" && role !== "Editor" && role !== "Admin") {
    throw new Error(`GF_AUTH_ANONYMOUS_ORG_ROLE: ${role} is none of Viewer, Editor, Admin`);
  }
  return {
    host: text("SERVER_HTTP_ADDR", "0.0.0.0"),
    port,
    adminUser: text("SECURITY_ADMIN_USER", "admin"),
    adminPassword: text("SECURITY_ADMIN_PASSWORD", "admin"),
    anonymous: text("AUTH_ANONYMOUS_ENABLED", "false") === "true",
    anonymousRole: role,
    provisioningPath: text("PATHS_PROVISIONING", "/etc/grafana/provisioning"),
    dataPath: text("PATHS_DATA", "/var/lib/grafana"),
    tempo: { otlpPort: 4318, httpPort: 3200 },
    lokiPort: 3100,
  };
}
