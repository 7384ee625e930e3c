/** Any UTF-8 text but the empty one is a label's name. */
export function isValidLabelName(name: string): boolean {
  return name !== "" && name.isWellFormed();
}
