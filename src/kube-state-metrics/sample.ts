/** A sample of a family, before it is written. */
export type LabelPairs = [name: string, value: string][];

export interface Sample {
  labels: LabelPairs;
  value: number;
}
