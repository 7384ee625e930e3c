/** Why a query has no answer. */

/**
 * As the HTTP API names them: `bad_data` (the text is wrong), `execution` (it can't be computed), `timeout`,
 * `canceled`.
 */
export type QueryErrorKind = "bad_data" | "execution" | "timeout" | "canceled";

export class QueryError extends Error {
  readonly kind: QueryErrorKind;

  constructor(kind: QueryErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "QueryError";
    this.kind = kind;
  }
}

/** Two series of a result have the same labels. */
export function duplicateLabelSet(): QueryError {
  return new QueryError("execution", "vector cannot contain metrics with the same labelset");
}

/** An error of evaluation. */
export function executionError(message: string): QueryError {
  return new QueryError("execution", message);
}
