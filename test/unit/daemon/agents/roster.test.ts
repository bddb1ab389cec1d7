import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { AgentEntry, ExternalAgents, ExternalSetup } from '../../../../src/core/agent.ts';
import { startRoster } from '../../../../src/daemon/agents/roster.ts';
import { fixedNode, silentLog, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const stopped: string[] = [];
const entry = (name: string, more: object = {}): AgentEntry => {
  const start = async () => ({ handlers: {}, stop: async () => void stopped.push(name) });
  return { ddl: { name, ...more }, config: {}, load: async () => start } as unknown as AgentEntry;
};
const outside = (name: string, version = '1') => entry(name, { origin: 'outside', version });

/** A roster of the agents `lock` and `nrpe`, of which the first is enabled; `found` is what is found, time by time. */
async function start(...found: readonly Partial<ExternalAgents>[]) {
  const state = temporaryDirectory();
  const setups: ExternalSetup[] = [];
  const errors: string[] = [];
  mkdirSync(join(state, 'external'));
  writeFileSync(join(state, 'external/left'), 'a secret');
  const roster = await startRoster({
    known: [entry('lock', { aliases: ['mutex'] }), entry('nrpe')],
    configs: { lock: {} },
    external: { directory: '/agents.d', plugins: '/plugin.d' },
    findExternal: async (setup) => {
      const next = found[Math.min(setups.length, found.length - 1)];
      setups.push(setup);
      return { entries: [], refused: [], unsettled: [], ...next };
    },
    view: fixedNode,
    stateDirectory: state,
    log: { ...silentLog, error: (_, message) => errors.push(message) },
  });
  const names = () => roster.entries().map(({ ddl }) => `${ddl.name}${'version' in ddl ? ` ${ddl.version}` : ''}`);
  return { roster, names, running: () => [...roster.running.keys()], setups, errors, state };
}

describe('the agents of a node', () => {
  test('are the built-in ones that the configuration names, and those in other languages', async () => {
    const { names, running, setups, state } = await start({ entries: [outside('colour')] });
    assert.deepEqual(
      [names(), running()],
      [
        ['lock', 'colour 1'],
        ['lock', 'colour'],
      ],
    );
    const [setup] = setups;
    assert.deepEqual(
      [setup?.directory, setup?.plugins, setup?.taken],
      ['/agents.d', '/plugin.d', ['lock', 'mutex', 'nrpe']],
    );
    assert.equal(setup?.scratch, join(state, 'external'));
    assert.equal(existsSync(join(state, 'external/left')), false, 'a crash may leave secrets there');
    assert.equal(statSync(join(state, 'lock')).mode & 0o777, 0o700);
  });

  test('in other languages come, change and go with their files', async () => {
    const { roster, names, running } = await start(
      { entries: [outside('a'), outside('b')] },
      { entries: [outside('b', '2'), outside('c')] },
      {},
    );
    const before = roster.running.get('b');
    await roster.reload();
    assert.deepEqual(
      [names(), running()],
      [
        ['lock', 'b 2', 'c 1'],
        ['lock', 'b', 'c'],
      ],
    );
    assert.notEqual(roster.running.get('b'), before);
    await roster.reload();
    assert.deepEqual([names(), running()], [['lock'], ['lock']]);
  });

  test('that cannot be read for now stay as they were, with a warning', async () => {
    const { roster, names, running, errors } = await start(
      { entries: [outside('a'), outside('b')] },
      { refused: ['a is refused'], unsettled: ['a'] },
      { refused: ['all are refused'], unsettled: 'all' },
    );
    const a = roster.running.get('a');
    assert.deepEqual(roster.warnings(), []);
    await roster.reload();
    assert.deepEqual([names(), running(), roster.warnings()], [['lock', 'a 1'], ['lock', 'a'], ['a is refused']]);
    await roster.reload();
    assert.deepEqual([names(), roster.running.get('a')], [['lock', 'a 1'], a]);
    assert.deepEqual(errors, ['a is refused', 'all are refused']);
  });

  test('end with the daemon', async () => {
    const { roster } = await start({ entries: [outside('colour')] });
    stopped.length = 0;
    await roster.stop();
    assert.deepEqual(stopped.toSorted(), ['colour', 'lock']);
  });

  test('have all ended when the end of one fails', async () => {
    const stop = () => Promise.reject(new Error('busy'));
    const stuck = { ...outside('stuck'), load: async () => async () => ({ handlers: {}, stop }) } as AgentEntry;
    const slow = async () => ({
      handlers: {},
      stop: async () => {
        await someTurns();
        stopped.push('slow');
      },
    });
    const { roster } = await start({ entries: [stuck, { ...outside('slow'), load: async () => slow } as AgentEntry] });
    stopped.length = 0;
    await assert.rejects(roster.stop(), { message: 'busy' });
    assert.deepEqual(stopped.toSorted(), ['lock', 'slow']);
  });
});
