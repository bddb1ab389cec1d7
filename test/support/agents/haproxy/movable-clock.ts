import type { TestContext } from 'node:test';

/**
 * A clock whose seconds also pass when the test says so, however long HAProxy takes to check a server. They pass once it
 * was read some more times: an agent that reads it after each look has looked once more.
 */
export function movableClock({ mock }: TestContext): (seconds: number) => void {
  let [ahead, jump, reads] = [0, 0, 0];
  const now = performance.now.bind(performance);
  mock.method(performance, 'now', () => {
    if (reads-- === 1) ahead += jump;
    return now() + ahead;
  });
  return (seconds) => {
    jump = seconds * 1000;
    reads = 20;
  };
}
