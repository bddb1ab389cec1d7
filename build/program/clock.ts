/** Milliseconds on the clock of `performance.now()`, from another beginning: only differences mean something. */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
