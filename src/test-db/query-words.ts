/** Words of a query that are looked at; the rest is ignored. */
export const MAX_QUERY_WORDS = 32;

/** The words of a text: what FTS5's tokenizer would take, so that no character of a query is syntax. */
export function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The words of a query. */
export function queryWords(query: string): string[] {
  return wordsOf(query).slice(0, MAX_QUERY_WORDS);
}
