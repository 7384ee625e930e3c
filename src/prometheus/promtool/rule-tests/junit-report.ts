/** Results of tests in the XML that JUnit has made known (`util/junitxml`). */

export interface TestSuite {
  name: string;
  /** Local time, to the second. */
  timestamp: string;
  /** Why the whole suite could not be run. */
  error: string | undefined;
  cases: { name: string; failures: string[] }[];
}

export function junitReport(suites: readonly TestSuite[]): string {
  return `<testsuites>${suites.map(suiteXml).join("")}</testsuites>`;
}

function suiteXml({ name, timestamp, error, cases }: TestSuite): string {
  const all = error === undefined ? cases : [...cases, { name: "unknown", failures: [] }];
  const failures = cases.reduce((sum, each) => sum + each.failures.length, 0);
  const counts = `tests="${all.length}" failures="${failures}" errors="${error === undefined ? 0 : 1}" skipped="0"`;
  const bodies = all.map((each, i) => {
    const failed = each.failures.map((failure) => `<failure>${escaped(failure)}</failure>`).join("");
    const errorXml = error !== undefined && i === all.length - 1 ? `<error>${escaped(error)}</error>` : "";
    return `<testcase name="${escaped(each.name)}">${failed}${errorXml}</testcase>`;
  });
  return `<testsuite name="${escaped(name)}" ${counts} timestamp="${escaped(timestamp)}">${bodies.join("")}</testsuite>`;
}

const ENTITIES: Record<string, string> = {
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};

function escaped(text: string): string {
  return text.replace(/["'&<>\t\n\r]/g, (character) => ENTITIES[character]);
}
