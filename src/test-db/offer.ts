/** A copy that another pod offers. */
export interface Offer {
  tenant: string;
  from: string;
  epoch: number;
  generation: number;
  bytes: number;
  digest: string;
  /** Milliseconds since the tenant was last active; undefined when it is not. */
  idleMs?: number;
  /** The pod offered it before and does not know how that ended. */
  inDoubt: boolean;
}

export type OfferOutcome = "accepted" | "superseded";
