/** The transformations that dashboards use (upstream `packages/grafana-data/src/transformations`). Unknown ones change nothing. */
import { toRegExp } from "../field-config.ts";
import type { Frame } from "../frame.ts";
import { calculateField } from "./calculate-field.ts";
import { convertFieldType, filterFieldsByName, organize, renameByRegex } from "./fields.ts";
import { pickRows, rowsOf } from "./frame-rows.ts";
import { groupBy } from "./group-by.ts";
import { joinByField, labelsToFields, merge, seriesToRows, timeSeriesTable } from "./join.ts";
import { reduceFrames } from "./reduce-frames.ts";
import { filterByValue, sortBy } from "./rows.ts";

export interface Transformation {
  id: string;
  disabled?: boolean;
  options?: Record<string, unknown>;
}

type Transform = (frames: Frame[], options: never) => Frame[];

export function transform(frames: Frame[], transformations: readonly Transformation[]): Frame[] {
  let current = frames;
  for (const { id, disabled, options } of transformations) {
    const apply = Object.hasOwn(TRANSFORMS, id) ? TRANSFORMS[id] : undefined;
    if (apply !== undefined && disabled !== true) current = apply(current, (options ?? {}) as never);
  }
  return current;
}

const TRANSFORMS: Record<string, Transform> = {
  organize,
  merge,
  joinByField,
  seriesToColumns: joinByField,
  groupBy,
  sortBy,
  calculateField,
  reduce: reduceFrames,
  filterFieldsByName,
  filterByName: filterFieldsByName,
  filterByRefId: (frames, { include }: { include?: string }) =>
    include === undefined ? frames : frames.filter(({ refId }) => toRegExp(include).test(refId ?? "")),
  renameByRegex,
  labelsToFields,
  limit: (frames, { limitField = 10 }: { limitField?: number }) =>
    frames.map((frame) => pickRows(frame, rowsOf(frame).slice(0, Number(limitField)))),
  seriesToRows,
  timeSeriesTable,
  convertFieldType,
  filterByValue,
  formatTime: (frames) => frames,
  concatenate: (frames) =>
    frames.length < 2 ? frames : [{ ...frames[0], fields: frames.flatMap(({ fields }) => fields) }],
};
