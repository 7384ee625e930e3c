/** `type` or `type/name` (upstream `component/identifiable.go`). */

export interface ComponentId {
  type: string;
  /** "" when there is none. */
  name: string;
}

const MAX_NAME_LENGTH = 1024;

/** @throws an error that says what the id must be */
export function parseComponentId(text: string): ComponentId {
  const slash = text.indexOf("/");
  const type = (slash === -1 ? text : text.slice(0, slash)).trim();
  const name = slash === -1 ? "" : text.slice(slash + 1).trim();
  if (type === "") throw new Error(`in "${text}" id: the part before / should not be empty`);
  if (slash !== -1 && name === "") throw new Error(`in "${text}" id: the part after / should not be empty`);
  if (!/^[a-zA-Z][0-9a-zA-Z_]{0,62}$/.test(type)) {
    throw new Error(`in "${text}" id: invalid character(s) in type "${type}"`);
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw new Error(
      `in "${name}" id: name "${name}" is longer than 1024 characters (${name.length} characters)`,
    );
  }
  if (/[\s\p{C}\p{S}]/u.test(name)) {
    throw new Error(`in "${name}" id: invalid character(s) in name "${name}"`);
  }
  return { type, name };
}

export function formatComponentId({ type, name }: ComponentId): string {
  return name === "" ? type : `${type}/${name}`;
}
