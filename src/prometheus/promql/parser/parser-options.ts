/** Language features that upstream hides behind `--enable-feature`. */
export interface ParserOptions {
  /** `promql-experimental-functions`. @default false */
  experimentalFunctions?: boolean;
  /** `promql-duration-expr`. @default true, as it is stable since 3.14 */
  durationExpressions?: boolean;
  /** `promql-extended-range-selectors`: `anchored` and `smoothed`. @default false */
  extendedRangeSelectors?: boolean;
  /** `promql-binop-fill-modifiers`. @default false */
  fillModifiers?: boolean;
  /** `promql-unquoted-utf8-names`, of 3.16: names with letters of any script, and dots. @default false */
  unquotedUtf8Names?: boolean;
}
