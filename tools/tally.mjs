/**
 * Sums up Jest's JSON results.
 * @param {object | undefined} results Jest's `--json` output; undefined when it died before writing any
 * @param {number | null} status Jest's exit code
 * @returns {{ passed: number, failed: number, skipped: number, leftOut: string[] }}
 */
export function tally(results, status) {
  if (results === undefined) return { passed: 0, failed: 1, skipped: 0, leftOut: [] };
  const skipped = results.testResults.flatMap((suite) =>
    suite.assertionResults.filter((test) => ['pending', 'skipped', 'todo', 'disabled'].includes(test.status)),
  );
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return {
    passed: results.numPassedTests,
    // Jest can fail without a failed test (a leaked handle under --detectOpenHandles, an obsolete option): never call it green.
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: skipped.length,
    leftOut: skipped.map((test) => test.fullName),
  };
}
