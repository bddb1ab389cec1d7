import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { clientConfigPath, loadClientConfig } from '../../../../src/library/config/config.ts';
import { chooseSource, discoveryMethod, type Finders } from '../../../../src/library/fleet/sources.ts';
import { allNodes, type TargetOptions } from '../../../../src/library/fleet/targets.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { newCache } from '../../../support/fleet/memory-find.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { codeOf, codeOfAsync } from '../../../support/thrown.ts';

const ask: NonNullable<Finders['relays']>['ask'] = async function* () {};

/** The configuration of a client.yaml with this section `discovery`. */
async function configOf(discovery: string) {
  const file = join(temporaryDirectory(), 'client.yaml');
  writeFileSync(file, `discovery: ${discovery}\n`);
  return await loadClientConfig(file, {});
}

describe('where the nodes of a command come from', () => {
  test('is what the option says, then a list on standard input where one is taken, then client.yaml', async () => {
    const config = await configOf('{ method: dns, domain: devco.net }');
    for (const [typed, hasInput, expected] of [
      [{}, false, 'dns'],
      [{}, true, 'dns'],
      [{ takesList: true }, false, 'dns'],
      [{ takesList: true }, true, 'stdin'],
      [{ takesList: true, method: 'mdns' }, true, 'mdns'],
      [{ method: 'mdns' }, false, 'mdns'],
      [{ nodesFile: 'list' }, false, 'file'],
      [{ nodesFile: 'list', takesList: true }, true, 'file'],
    ] as readonly (readonly [Partial<TargetOptions>, boolean, string])[]) {
      assert.equal(discoveryMethod({ ...allNodes, ...typed }, config, { hasInput }), expected, JSON.stringify(typed));
    }
  });

  test('takes every option of a method that --do names', async () => {
    const config = await configOf('{ method: mdns }');
    const environment = { hasInput: false, list: async () => '' };
    const finders = { cache: await newCache(), log: keepingLog() };
    for (const [method, option] of [
      ['consul', 'url=https://consul.example.net:8501'],
      ['consul', 'service=mco'],
      ['consul', 'datacenter=dc1'],
      ['consul', 'tag=bravo'],
      ['consul', 'domain=example.net'],
    ] as const) {
      const targets = { ...allNodes, method, discoveryOptions: [option] };
      assert.equal(chooseSource(targets, config, finders, environment).name, method, option);
    }
    const more: readonly (readonly [string, readonly string[]])[] = [
      ['puppetdb', ['url=https://puppetdb.example.net:8081', 'query=nodes { }']],
      ['sql', ['url=sqlite:/srv/inventory.sqlite', 'query=select name from hosts']],
    ];
    for (const [method, discoveryOptions] of more)
      assert.equal(chooseSource({ ...allNodes, method, discoveryOptions }, config, finders, environment).name, method);
  });

  test('is the relays instead of multicast, if there are any and no option says otherwise', async () => {
    const finders = { cache: await newCache(), log: keepingLog(), relays: { ask } };
    const environment = { hasInput: false, list: async () => '' };
    const [multicast, listed] = [await configOf('{ method: mdns }'), await configOf('{ method: cache }')];
    const nameOf = (typed: Partial<TargetOptions>, config = multicast, means: Finders = finders) =>
      chooseSource({ ...allNodes, ...typed }, config, means, environment).name;
    const { relays: _relays, ...direct } = finders;
    assert.equal(nameOf({}), 'relay');
    assert.equal(nameOf({ method: 'mdns' }), 'mdns');
    assert.equal(nameOf({}, multicast, direct), 'mdns');
    assert.equal(nameOf({}, listed), 'cache');
  });

  test('is waited for as long as --dt says, else as client.yaml does', async () => {
    const config = await configOf('{ method: mdns, timeout: 3 }');
    for (const [discoveryTimeout, expected] of [
      [undefined, 3000],
      [0.5, 500],
      [9, 9000],
    ] as const) {
      const timeouts: number[] = [];
      const relays: NonNullable<Finders['relays']> = {
        ask: async function* ({ timeout }) {
          timeouts.push(timeout);
          yield* [];
        },
      };
      const means = { cache: await newCache(), log: keepingLog(), relays };
      const environment = { hasInput: false, list: async () => '' };
      const source = chooseSource({ ...allNodes, discoveryTimeout }, config, means, environment);
      await Array.fromAsync(source.discover(noFilter, new AbortController().signal));
      assert.deepEqual(timeouts, [expected]);
    }
  });

  test('is the file of --nodes, then that of --do, then that of client.yaml', async () => {
    const directory = temporaryDirectory();
    const list = (name: string) => {
      writeFileSync(join(directory, name), `${name}.devco.net\n`);
      return join(directory, name);
    };
    const [typed, given, configured] = ['typed', 'given', 'configured'].map(list);
    const config = await configOf(`{ method: file, file: ${configured} }`);
    const namesOf = async (more: Partial<TargetOptions>) => {
      const means = { cache: await newCache(), log: keepingLog() };
      const source = chooseSource({ ...allNodes, ...more }, config, means, { hasInput: false, list: async () => '' });
      const found = await Array.fromAsync(source.discover(noFilter, new AbortController().signal));
      return found.map(({ name }) => name).join();
    };
    assert.equal(await namesOf({}), 'configured.devco.net');
    assert.equal(await namesOf({ discoveryOptions: [`file=${given}`] }), 'given.devco.net');
    assert.equal(await namesOf({ nodesFile: typed, discoveryOptions: [`file=${given}`] }), 'typed.devco.net');
  });

  test('has the options of --do in the place of those of client.yaml, checked in the same way', async () => {
    const config = await configOf('{ method: sql, sql: { url: "sqlite:/nowhere.db", query: select 1 } }');
    const means = { cache: await newCache(), log: keepingLog() };
    const choose = (...discoveryOptions: string[]) =>
      chooseSource({ ...allNodes, discoveryOptions }, config, means, { hasInput: false, list: async () => '' });
    const failure = async (...options: string[]) => {
      try {
        await Array.fromAsync(choose(...options).discover(noFilter, new AbortController().signal));
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.match(await failure(), /nowhere\.db/);
    assert.match(await failure('url=sqlite:/elsewhere.db'), /elsewhere\.db/);
    assert.equal(
      codeOf(() => choose('url=http://x')),
      'usage',
    );
    assert.equal(
      codeOf(() => choose('colour=red')),
      'usage',
    );
  });
});

describe('the files of a client', () => {
  test('are in the directories of XDG, or below the home where these variables are unset or empty', async () => {
    const home = temporaryDirectory();
    mkdirSync(join(home, '.config/mco-deploy'), { recursive: true });
    writeFileSync(join(home, '.config/mco-deploy/client.yaml'), '{}\n');
    for (const env of [
      { HOME: home },
      { HOME: home, XDG_CONFIG_HOME: '', XDG_CACHE_HOME: '', XDG_STATE_HOME: '' },
    ] as const) {
      const { file, cacheFile, stateDirectory } = await loadClientConfig(undefined, env);
      assert.deepEqual(
        [file, cacheFile, stateDirectory].map((path) => path.slice(home.length)),
        ['/.config/mco-deploy/client.yaml', '/.cache/mco-deploy/nodes.json', '/.local/state/mco-deploy'],
      );
    }
    const env = { HOME: home, XDG_CONFIG_HOME: '/c', XDG_CACHE_HOME: '/k', XDG_STATE_HOME: '/s' };
    assert.equal(clientConfigPath(env), '/c/mco-deploy/client.yaml');
    const named = await loadClientConfig(join(home, '.config/mco-deploy/client.yaml'), env);
    assert.deepEqual([named.cacheFile, named.stateDirectory], ['/k/mco-deploy/nodes.json', '/s/mco-deploy']);
    assert.equal(await codeOfAsync(() => loadClientConfig(undefined, env)), 'not-configured');
  });

  test('accept no key that they do not know', async () => {
    for (const text of ['{ metod: mdns }', '{ method: mdns, colour: red }', '{ method: smoke }', '{ timeout: 0 }'])
      assert.equal(await codeOfAsync(() => configOf(text)), 'bad-configuration', text);
  });
});
