import assert from 'node:assert/strict';
import { type FileCall, watchFileCalls } from './file-calls.ts';

/**
 * Runs a step whose calls of the file system below a directory each take their time: each waits for the one before, and none is
 * under way when the step ends.
 * @param fails the calls that end in an error of the disk
 */
export async function runsOneByOne(
  root: string,
  step: () => Promise<unknown>,
  fails: (call: FileCall) => boolean = () => false,
): Promise<void> {
  let [underWay, most] = [0, 0];
  const slowly = async <T>(act: () => Promise<T>): Promise<T> => {
    most = Math.max(most, ++underWay);
    try {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      return await act();
    } finally {
      underWay--;
    }
  };
  using _watch = watchFileCalls(
    root,
    (call, _args, real) =>
      slowly(() => (fails(call) ? Promise.reject(Object.assign(new Error('EIO: injected'), { code: 'EIO' })) : real())),
    () => {},
    () => slowly(async () => {}),
  );
  await step().catch(() => {});
  assert.deepEqual([most, underWay], [1, 0]);
}
