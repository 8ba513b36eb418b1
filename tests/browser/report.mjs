// What was checked and how it went: failures as they happen, one line at the end.

export class Report {
  passed = 0;
  failed = 0;

  /** Counts one check; `fault` says what is wrong, nothing when all is well. */
  check(where, what, fault) {
    if (!fault) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    console.log(`FAILED  ${where}: ${what}\n        ${String(fault).replaceAll("\n", "\n        ")}`);
  }

  /** The closing line; returns the exit code. */
  close() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed > 0 || this.passed === 0 ? 1 : 0;
  }
}
