import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { pathIn } from '../../core/node-files/kinds.ts';
import { digestFiles, listNodeFiles, readRegular, sumOf } from '../../core/node-files/list.ts';
import { manifestName, parseManifest } from '../../core/node-files/manifest.ts';
import { readPending, readReturned } from '../../core/node-files/pending.ts';
import { callHelper, type HelperLocation } from './call-helper.ts';
import { type ConfigConfig, configConfigSchema } from './config.ts';
import { configDdl } from './ddl.ts';
import { watchPending } from './watch-pending.ts';

/** Reads the files of the configuration, and passes signed changes to the helper, which verifies them independently. */
export async function startConfig({ config, node, log }: AgentSetup<ConfigConfig>): Promise<Agent> {
  // Only another run of the daemon proves that it starts with the new files.
  const instance = randomBytes(8).toString('hex');
  const { socket = configConfigSchema.properties.socket.default } = config;
  const location = async (): Promise<HelperLocation> => ({
    socket,
    directory: dirname((await node.info()).configFile),
  });
  const watch = watchPending(location, log);
  watch.check();

  const handlers = defineHandlers(configDdl, {
    status: async () => {
      const { directory } = await location();
      const files = await listNodeFiles(directory);
      const manifest = parseManifest(await manifestIn(directory));
      const [pending, returned] = await Promise.all([readPending(directory), readReturned(directory)]);
      return {
        instance,
        digest: digestFiles(files),
        pending: pending?.change ?? '',
        returned: returned?.change ?? '',
        why: returned?.why ?? '',
        files: files.map(({ kind, name, content }) => {
          const sha256 = sumOf(content);
          return { kind, name, sha256, applied: manifest[join(directory, pathIn(kind, name) ?? '')] === sha256 };
        }),
      };
    },

    files: async () => {
      const { directory } = await location();
      const files = await listNodeFiles(directory);
      const manifest = await manifestIn(directory);
      return { instance, digest: digestFiles(files), directory, manifest, files: files.map((file) => ({ ...file })) };
    },

    apply: async (_input, { signed, dryRun }) => {
      const output = await callHelper({ type: 'request', signed, instance }, await location());
      const effect = effectIn(output.effect);
      // The reply means that the new files are in force, or will be after the restart.
      if (!dryRun && effect === 'reload') await node.reload();
      if (!dryRun) watch.check();
      return { change: String(output.change), effect, digest: String(output.digest), until: String(output.until) };
    },

    confirm: async ({ change }, { signed }) => {
      const at = await location();
      const pending = await readPending(at.directory);
      if (pending?.change === change && pending.effect === 'restart' && pending.instance === instance) {
        throw new Problem('not-restarted', 'the daemon with the new configuration has not started yet', 'call again');
      }
      await callHelper({ type: 'request', signed, instance }, at);
      return { change, confirmed: true };
    },
  });
  return { handlers, stop: async () => watch.stop() };
}

async function manifestIn(directory: string): Promise<string> {
  return (await readRegular(join(directory, manifestName))) ?? '';
}

function effectIn(value: unknown): 'at-once' | 'reload' | 'restart' {
  return value === 'restart' || value === 'reload' ? value : 'at-once';
}
