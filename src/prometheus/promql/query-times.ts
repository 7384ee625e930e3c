/** The times of the query as asked for. */
export interface QueryTimes {
  startMs: number;
  endMs: number;
  /** 0 for an instant query. */
  stepMs: number;
}
