/** Where panels stand: repeated for the values of a variable, below their rows, without those of closed rows. */

import type { Panel } from "./model.ts";
import { GRID_COLUMNS } from "./read-dashboard.ts";
import type { VariableState } from "./variables.ts";
import { ALL } from "./variables.ts";

/** Copies that one panel or row may be repeated into. */
export const MAX_REPEATS = 100;

/** A row with what belongs to it; panels above the first row stand in one without a title. */
export interface Section {
  row: Panel | undefined;
  collapsed: boolean;
  panels: Panel[];
}

/** @param toggled ids of rows that the user opened or closed */
export function sectionsOf(
  panels: readonly Panel[],
  variables: readonly VariableState[],
  toggled: ReadonlySet<string>,
): Section[] {
  const sections: Section[] = [{ row: undefined, collapsed: false, panels: [] }];
  for (const panel of panels) {
    if (panel.type === "row")
      sections.push({ row: panel, collapsed: panel.collapsed === true, panels: [...(panel.panels ?? [])] });
    else sections.at(-1)!.panels.push(panel);
  }
  return sections
    .flatMap((section) => repeatSection(section, variables))
    .filter(({ row, panels }) => row !== undefined || panels.length > 0)
    .map((section) => ({
      ...section,
      collapsed: section.row !== undefined && section.collapsed !== toggled.has(rowKey(section.row)),
      panels: arrange(section.panels.flatMap((panel) => repeatPanel(panel, variables))),
    }));
}

export function rowKey({ id, title, scopedVariables }: Panel): string {
  return JSON.stringify([id, title, scopedVariables ?? null]);
}

/** The chosen values of a variable; all of them one by one when that is chosen. */
function valuesOf(name: string | undefined, variables: readonly VariableState[]): string[] | undefined {
  const state = variables.find(({ variable }) => variable.name === name);
  if (name === undefined || state === undefined) return undefined;
  const values = state.selected[0] === ALL ? state.choices.map(({ value }) => value) : state.selected;
  return values.slice(0, MAX_REPEATS);
}

function repeatSection(section: Section, variables: readonly VariableState[]): Section[] {
  const name = section.row?.repeat;
  const values = valuesOf(name, variables);
  if (values === undefined) return [section];
  return values.map((value) => {
    const scopedVariables = { [name!]: value };
    const scoped = (panel: Panel): Panel => ({
      ...panel,
      scopedVariables: { ...panel.scopedVariables, ...scopedVariables },
    });
    return { ...section, row: scoped(section.row!), panels: section.panels.map(scoped) };
  });
}

function repeatPanel(panel: Panel, variables: readonly VariableState[]): Panel[] {
  const values = valuesOf(panel.repeat, variables);
  if (values === undefined || values.length === 0) return [panel];
  const isVertical = panel.repeatDirection === "v";
  const perRow = isVertical ? 1 : Math.min(panel.maxPerRow ?? 4, values.length);
  const { x, y, w, h } = panel.gridPos;
  const width = isVertical ? w : Math.floor(GRID_COLUMNS / perRow);
  return values.map((value, index) => ({
    ...panel,
    gridPos: {
      x: isVertical ? x : (index % perRow) * width,
      y: y + Math.floor(index / perRow) * h,
      w: width,
      h,
    },
    scopedVariables: { ...panel.scopedVariables, [panel.repeat!]: value },
  }));
}

/** Moves panels up as far as nothing is in their way, starting at 0. */
export function arrange(panels: readonly Panel[]): Panel[] {
  const bottoms = new Array<number>(GRID_COLUMNS).fill(0);
  const ordered = panels
    .map((panel, index) => ({ panel, index }))
    .sort(
      (a, b) =>
        a.panel.gridPos.y - b.panel.gridPos.y || a.panel.gridPos.x - b.panel.gridPos.x || a.index - b.index,
    );
  return ordered.map(({ panel }) => {
    const { x, w, h } = panel.gridPos;
    const y = Math.max(...bottoms.slice(x, x + w));
    bottoms.fill(y + h, x, x + w);
    return { ...panel, gridPos: { ...panel.gridPos, y } };
  });
}
