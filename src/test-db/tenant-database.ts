/** A tenant's data, behind an interface: SQLite when live, a journal on the injected disk in virtual time. */

export interface Resource {
  id: string;
  name: string;
  content: string;
  /** A JSON object. */
  metadata: Record<string, unknown>;
  /** RFC 3339. */
  createdAt: string;
}

export interface SearchOptions {
  /** Words that must all occur, each as the beginning of a word. Empty: everything, newest first. */
  query: string;
  limit: number;
  offset: number;
}

export interface TenantDatabase {
  /**
   * Adds a resource. Durable when it resolves.
   *
   * @param requestId a write with an id that was seen before is not done again: the first one's resource is returned
   * @throws ConflictError when another resource has the id
   */
  insert(resource: Resource, requestId: string | undefined): Promise<Resource>;
  get(id: string): Promise<Resource | undefined>;
  search(options: SearchOptions): Promise<Resource[]>;
  /** Everything is in the one file when it resolves. */
  close(): Promise<void>;
}

/** Opens the file of a tenant, which is made when missing. */
export interface TenantEngine {
  open(path: string): Promise<TenantDatabase>;
  /** What a new tenant's file begins with. */
  empty(): Uint8Array;
  /** Files that may lie beside a database's while it is open or after a crash, by what follows its name. */
  readonly sideFiles: readonly string[];
}

/** There is a resource of this id already. */
export class ConflictError extends Error {
  constructor(id: string) {
    super(`resource ${id} exists already`);
    this.name = "ConflictError";
  }
}
