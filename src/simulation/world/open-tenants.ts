/** Who has which tenant's database open, in the whole simulated cluster: no two pods ever may. */
import type { TenantEngine } from "../../test-db/mod.ts";

/** A process that opens databases; a dead one has none open. */
export interface Holder {
  readonly alive: boolean;
}

export class OpenTenants {
  readonly #open = new Map<string, { holder: Holder; pod: string }>();
  readonly #onConflict: (text: string) => void;
  /** How often a tenant was opened while another process had it open. */
  conflicts = 0;

  /** @param onConflict told who and whose */
  constructor(onConflict: (text: string) => void = () => {}) {
    this.#onConflict = onConflict;
  }

  /** The engine as one process has it, looked at. */
  watch(engine: TenantEngine, pod: string, holder: Holder): TenantEngine {
    return {
      sideFiles: engine.sideFiles,
      empty: () => engine.empty(),
      open: async (path) => {
        const tenant = tenantOf(path);
        const other = this.#open.get(tenant);
        if (other !== undefined && other.holder !== holder && other.holder.alive && holder.alive) {
          this.conflicts++;
          this.#onConflict(`${tenant} is opened by ${pod} while ${other.pod} has it open`);
        }
        const mine = { holder, pod };
        if (holder.alive) this.#open.set(tenant, mine);
        const database = await engine.open(path);
        return {
          insert: (...args) => database.insert(...args),
          get: (id) => database.get(id),
          search: (options) => database.search(options),
          close: async () => {
            await database.close();
            if (this.#open.get(tenant) === mine) this.#open.delete(tenant);
          },
        };
      },
    };
  }
}

/** `/data/tenants/acme.3.db` → `acme`. */
function tenantOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.\d+\.db$/, "");
}
