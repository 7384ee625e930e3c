/** What a dashboard lets people choose. */
import { useState } from "preact/hooks";
import { ALL, type VariableState } from "../dashboard/variables.ts";
import { setQuery } from "../router.ts";

export function VariableBar({ states }: { states: readonly VariableState[] }) {
  const shown = states.filter(
    ({ variable }) => variable.hide !== 2 && !["constant", "adhoc"].includes(variable.type),
  );
  if (shown.length === 0) return null;
  return (
    <div class="variables">
      {shown.map((state) => (
        <VariableControl key={state.variable.name} state={state} />
      ))}
    </div>
  );
}

function VariableControl({ state }: { state: VariableState }) {
  const { variable, choices, selected } = state;
  const set = (values: readonly string[]) => setQuery({ [`var-${variable.name}`]: values });
  const label = variable.hide === 1 ? undefined : variable.label || variable.name;
  return (
    <div class="variable">
      {label !== undefined && <span class="variable-label">{label}</span>}
      {variable.type === "textbox" ? (
        <input value={selected[0] ?? ""} onChange={(event) => set([event.currentTarget.value])} />
      ) : variable.multi === true ? (
        <MultiSelect state={state} onChange={set} />
      ) : (
        <select
          value={selected[0] ?? ""}
          onChange={(event) => set([event.currentTarget.value])}
          aria-label={label ?? variable.name}
        >
          {variable.includeAll === true && <option value={ALL}>All</option>}
          {choices.length === 0 && <option value="">None</option>}
          {choices.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

function MultiSelect({
  state,
  onChange,
}: {
  state: VariableState;
  onChange: (values: readonly string[]) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  const { variable, choices, selected } = state;
  const isAll = selected[0] === ALL;
  const textOf = (value: string) => choices.find((choice) => choice.value === value)?.text ?? value;
  const toggle = (value: string) => {
    const others = isAll ? [] : selected;
    const next = others.includes(value) ? others.filter((other) => other !== value) : [...others, value];
    onChange(next.length === 0 ? [variable.includeAll === true ? ALL : value] : next);
  };
  return (
    <div class="dropdown">
      <button type="button" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
        {isAll ? "All" : selected.map(textOf).join(" + ") || "None"}
      </button>
      {isOpen && (
        <div class="menu">
          {variable.includeAll === true && (
            <label>
              <input type="checkbox" checked={isAll} onChange={() => onChange([ALL])} />
              All
            </label>
          )}
          {choices.map(({ value, text }) => (
            <label key={value}>
              <input
                type="checkbox"
                checked={!isAll && selected.includes(value)}
                onChange={() => toggle(value)}
              />
              {text}
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
