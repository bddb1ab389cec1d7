// A reporter that ends the process with the first test that fails: one is enough to notice a mutant.
import type { TestEvent } from 'node:test/reporters';

// biome-ignore lint/style/noDefaultExport: a reporter is the default export of its module
export default async function* stopAtFailure(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === 'test:complete' && !data.details.passed && data.todo === undefined) process.exit(1);
    if (type === 'test:fail' && data.todo === undefined) yield data.name;
  }
}
