import { readdir, readFile } from 'node:fs/promises';

/** Milliseconds of CPU of all threads of a process since its start, by the scheduler's count (schedstat). */
export async function processorTime(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const counts = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')));
  return counts.reduce((sum, count) => sum + Number(count.split(' ')[0]), 0) / 1e6;
}
