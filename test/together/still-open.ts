const { setTimeout } = globalThis;

/**
 * Ends this process if it still runs after so many milliseconds, and writes what keeps it: a test that fails may leave a
 * program or a server behind, and the reason of its failure would come only when the time of the whole file is over.
 */
export function endIfStillOpen(where: string, milliseconds: number): void {
  const end = () => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`a test of ${where} left something open, which keeps the process from ending: ${open}\n`);
    process.exit(1);
  };
  setTimeout(end, milliseconds).unref();
}
