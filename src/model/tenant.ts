/** Who a request is for. */

/** The header that names the tenant. */
export const TENANT_HEADER = "x-tenant-id";
/** Longer names would not fit a file name in their escaped form. */
export const MAX_TENANT_ID_LENGTH = 100;
const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** What is wrong with a tenant's name; undefined when nothing is. */
export function tenantIdProblem(tenant: string | undefined): string | undefined {
  if (tenant === undefined || tenant === "") return "header X-Tenant-ID is required";
  if (tenant.length > MAX_TENANT_ID_LENGTH) {
    return `header X-Tenant-ID is longer than ${MAX_TENANT_ID_LENGTH} characters`;
  }
  return TENANT_ID.test(tenant)
    ? undefined
    : "header X-Tenant-ID must consist of letters, digits, '.', '_' and '-', and begin with a letter or digit";
}
