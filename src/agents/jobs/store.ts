import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { replaceFile } from '../../core/files/durable.ts';
import type { JobRequest, Jobs, StartedJob } from '../../core/request/jobs.ts';
import { surplusOf, whyNoMore } from '../../core/shares.ts';
import type { JobsConfig } from './config.ts';
import { endJob, type Job, markJobUnknown, parseJob } from './job.ts';

/** A job as this daemon knows it. */
export interface KnownJob {
  readonly job: Job;
  /** Its latest progress; empty once it has ended. */
  readonly progress: string;
}

export interface JobStore extends Jobs {
  /** The latest first. @param caller undefined: of all */
  readonly list: (caller: string | undefined) => readonly KnownJob[];
  /** @throws Problem `unknown-job` */
  readonly find: (id: string, caller: string | undefined) => KnownJob;
  /**
   * @param by the caller that cancels it @returns its state then; `running` if it takes longer to end @throws Problem
   * `unknown-job`
   */
  readonly cancel: (id: string, caller: string | undefined, by: string) => Promise<Job>;
}

interface StoredJob {
  job: Job;
  progress: string;
  /** Of a running job. */
  readonly running?: { readonly cancel: AbortController; readonly ended: PromiseWithResolvers<void> };
}

/** Milliseconds for a cancelled job to end before its state is returned. */
const patience = 10_000;
const longestProgress = 500;

export async function openJobs(directory: string, config: JobsConfig, now: () => number): Promise<JobStore> {
  const jobs = new Map<string, StoredJob>();
  for (const job of await readJobs(directory, now())) jobs.set(keyOf(job.id, job.caller), { job, progress: '' });
  for (const stored of jobs.values()) {
    const lost = markJobUnknown(stored.job, now());
    if (lost !== stored.job) await writeJob(directory, lost);
    stored.job = lost;
  }
  const setup = { directory, config, now };
  const find: JobStore['find'] = (id, caller) => {
    const stored =
      caller === undefined ? [...jobs.values()].find(({ job }) => job.id === id) : jobs.get(keyOf(id, caller));
    if (stored === undefined || isOver(stored, config, now())) {
      throw new Problem('unknown-job', `there is no job ${id} here that you may see`);
    }
    return stored;
  };
  return {
    begin: (request) => beginJob(request, jobs, setup),
    find,
    list: (caller) =>
      [...jobs.values()]
        .filter((stored) => (caller === undefined || stored.job.caller === caller) && !isOver(stored, config, now()))
        .sort((a, b) => b.job.began - a.job.began),
    cancel: async (id, caller, by) => {
      const stored = find(id, caller) as StoredJob;
      stored.running?.cancel.abort(by);
      const late = AbortSignal.timeout(patience);
      const waited = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve(), { once: true }));
      if (stored.job.state === 'running') await Promise.race([stored.running?.ended.promise, waited]);
      return stored.job;
    },
  };
}

interface StoreSetup {
  readonly directory: string;
  readonly config: JobsConfig;
  readonly now: () => number;
}

async function beginJob(
  { id, caller, agent, action, runId }: JobRequest,
  jobs: Map<string, StoredJob>,
  setup: StoreSetup,
): Promise<StartedJob> {
  const { directory, config, now } = setup;
  const key = keyOf(id, caller);
  if (jobs.has(key)) throw new Problem('job-exists', `there is a job ${id} already: it is not run again`);
  refuseTooMany(jobs, caller, config);
  const none = { status: 0, code: '', message: '', data: {}, left_out: false };
  const job: Job = { id, caller, agent, action, run: runId, state: 'running', began: now(), ended: 0, ...none };
  const stored: StoredJob = {
    job,
    progress: '',
    running: { cancel: new AbortController(), ended: Promise.withResolvers<void>() },
  };
  // Reserved before it is written: of two at once only one begins.
  jobs.set(key, stored);
  try {
    await makeRoom(jobs, setup);
    await writeJob(directory, job);
  } catch (error) {
    jobs.delete(key);
    throw error;
  }
  return started(stored, (ended) => writeJob(directory, ended), config, now);
}

/** @throws Problem `too-many-jobs` */
function refuseTooMany(jobs: ReadonlyMap<string, StoredJob>, caller: string, { max_running }: JobsConfig): void {
  const running = [...jobs.values()].filter(({ job }) => job.state === 'running');
  const callers = running.map(({ job }) => job.caller);
  const what = whyNoMore(max_running, callers, caller, ['jobs', 'run']);
  if (what !== undefined) throw new Problem('too-many-jobs', what, 'wait until one has ended, or cancel one');
}

/** Forgets jobs that have ended: expired ones, and those beyond the limit. */
async function makeRoom(jobs: Map<string, StoredJob>, { directory, config, now }: StoreSetup): Promise<void> {
  const time = now();
  const expired = [...jobs].filter(([, stored]) => isOver(stored, config, time));
  const forget = async ([key, { job }]: (typeof expired)[number]) => {
    jobs.delete(key);
    await rm(fileOf(directory, job), { force: true });
  };
  for (const one of expired) await forget(one);
  if (jobs.size <= config.max_jobs) return;
  const leaving = surplusOf(
    [...jobs].sort(([, a], [, b]) => a.job.ended - b.job.ended),
    ([, { job }]) => job.caller,
    ([, { job }]) => job.state !== 'running',
  );
  for (const one of leaving) {
    await forget(one);
    if (jobs.size <= config.max_jobs) return;
  }
}

function fileOf(directory: string, { id, caller }: Pick<Job, 'id' | 'caller'>): string {
  return join(directory, fileName(id, caller));
}

async function writeJob(directory: string, job: Job): Promise<void> {
  try {
    await replaceFile(fileOf(directory, job), `${JSON.stringify(job)}\n`);
  } catch (cause) {
    throw new Problem('unwritable-state', `the job cannot be stored: ${explainErrno(cause)}`, '', { cause });
  }
}

function started(
  stored: StoredJob,
  write: (job: Job) => Promise<void>,
  config: JobsConfig,
  now: () => number,
): StartedJob {
  const { running } = stored;
  return {
    cancelled: running?.cancel.signal ?? new AbortController().signal,
    progress: (message) => {
      if (stored.job.state === 'running') stored.progress = message.slice(0, longestProgress);
    },
    end: async (content) => {
      const ended = endJob(stored.job, content, now(), config.max_output);
      // Nobody waits forever for what the disk does not accept.
      try {
        await write(ended);
      } finally {
        stored.job = ended;
        stored.progress = '';
        running?.ended.resolve();
      }
    },
  };
}

function isOver({ job }: StoredJob, { keep }: JobsConfig, now: number): boolean {
  return job.state !== 'running' && job.ended + keep * 1000 < now;
}

function keyOf(id: string, caller: string): string {
  return `${id}\0${caller}`;
}

/** Two callers may use one name for a job. */
function fileName(id: string, caller: string): string {
  return `${id}-${createHash('sha256').update(caller).digest('hex').slice(0, 16)}.json`;
}

/** A file that is damaged or too old is removed. @throws the error of the operating system for one that cannot be read */
async function readJobs(directory: string, now: number): Promise<Job[]> {
  const oldest = 30 * 86_400_000;
  const names = (await readdir(directory)).filter((name) => /^[0-9a-f]{32}-[0-9a-f]{16}\.json$/.test(name));
  const read = await Promise.all(
    names.map(async (name) => {
      const job = parseJob(await readFile(join(directory, name), 'utf8'));
      if (job !== undefined && fileName(job.id, job.caller) === name && now - job.began < oldest) return [job];
      await rm(join(directory, name), { force: true });
      return [];
    }),
  );
  return read.flat();
}
