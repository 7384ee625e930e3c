/**
 * A tenant's file on the volume: `acme.3.db`, or `acme.3.handover` from the moment that it is offered to another pod.
 *
 * The number is the generation: one more with every hand-over, so that of two copies the newer one is known. Capital
 * letters are escaped (`=a` for `A`): on a file system that ignores case two tenants must not share a file.
 */

export interface TenantFile {
  tenant: string;
  generation: number;
  /** `held`: this pod has the tenant. `handover`: another pod may have it already, so it is not served. */
  state: "held" | "handover";
}

const FILE_NAME = /^([a-z0-9=][a-z0-9=._-]*)\.([1-9][0-9]{0,14})\.(db|handover)$/;

export function formatTenantFile({ tenant, generation, state }: TenantFile): string {
  const escaped = tenant.replace(/[A-Z]/g, (letter) => `=${letter.toLowerCase()}`);
  return `${escaped}.${generation}.${state === "held" ? "db" : "handover"}`;
}

/** Undefined for a name that is no tenant's file. */
export function parseTenantFile(name: string): TenantFile | undefined {
  const match = FILE_NAME.exec(name);
  if (match === null) return undefined;
  const [, escaped, generation, kind] = match;
  if (/=([^a-z]|$)/.test(escaped)) return undefined;
  const tenant = escaped.replace(/=([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { tenant, generation: Number(generation), state: kind === "db" ? "held" : "handover" };
}
