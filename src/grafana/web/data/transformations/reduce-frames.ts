/** Fields reduced to a value each. */
import { displayNameOf, type Field, type Frame } from "../frame.ts";
import { reduce } from "../reduce.ts";
import { typeOf } from "./frame-rows.ts";

/** A row for each series with its calculations, or each field reduced to one value. */
export function reduceFrames(
  frames: Frame[],
  options: { reducers?: string[]; mode?: string; labelsToFields?: boolean },
): Frame[] {
  const { reducers = ["lastNotNull"] } = options;
  if (options.mode === "reduceFields") {
    return frames.map((frame) => ({
      ...frame,
      fields: frame.fields
        .filter(({ type }) => type === "number")
        .map((field) => ({ ...field, values: [reduce(field.values, reducers[0])] })),
    }));
  }
  const rows = frames.flatMap((frame) =>
    frame.fields
      .filter(({ type }) => type === "number")
      .map((field) => ({ field, name: displayNameOf(field, frame) })),
  );
  const column = (name: string, values: unknown[], config = {}): Field => ({
    name,
    type: typeOf(values),
    values,
    config,
  });
  const config = rows[0]?.field.config ?? {};
  const shown = { ...config, displayName: undefined, displayNameFromDS: undefined };
  const titles: Record<string, string> = {
    lastNotNull: "Last *",
    firstNotNull: "First *",
    sum: "Total",
    last: "Last",
    first: "First",
    mean: "Mean",
    min: "Min",
    max: "Max",
  };
  return [
    {
      refId: "reduce",
      fields: [
        column(
          "Field",
          rows.map(({ name }) => name),
        ),
        ...reducers.map((reducer) =>
          column(
            titles[reducer] ?? reducer,
            rows.map(({ field }) => reduce(field.values, reducer)),
            shown,
          ),
        ),
      ],
    },
  ];
}
