import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { findExternalAgents } from '../../../../src/agents/external/find.ts';
import type { ExternalAgents, ExternalSetup } from '../../../../src/core/agent.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { CommandResult, Log, CommandOptions } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup, silentLog, temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const metadata = { name: 'colour', description: 'd', author: 'a', license: 'l', version: '1', timeout: 5 };
const paint = {
  action: 'paint',
  description: 'p',
  input: { what: { type: 'string', maxlength: 20 } },
  output: { coats: { type: 'integer', default: 1 }, dry: { type: 'boolean' } },
};
const described: JsonObject = { metadata, actions: [paint] } as never;

type Ended = Partial<CommandResult>;
interface Ran {
  readonly argv: readonly string[];
  readonly options: CommandOptions;
  readonly request: JsonObject;
  readonly facts: JsonObject;
  readonly mode: number;
}
/** What the fake program does with a call: writes a reply, ends in some way. */
type Program = (request: JsonObject, reply: string) => Ended | undefined;

/** Directories with agents, and a fake in place of the programs: `protocol/agents/external-agents` runs real ones. */
function makeAgents(program: Program, overrides: Partial<ExternalSetup> = {}) {
  const directory = join(temporaryDirectory(), 'agents.d');
  const scratch = join(dirname(directory), 'scratch/deep');
  mkdirSync(directory, { mode: 0o755 });
  const ran: Ran[] = [];
  const lines: string[] = [];
  const note = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${JSON.stringify(fields)} ${message}`);
  };
  const log: Log = { ...silentLog, info: note('info'), error: note('error') };
  const setup: ExternalSetup = {
    directory,
    plugins: '/etc/plugin.d',
    scratch,
    taken: ['rpcutil'],
    facts: async () => ({ cluster: 'bravo' }),
    run: async (argv, options) => {
      const [, file = '', reply = ''] = argv;
      const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
      const request = read(file);
      const facts = read(join(dirname(file), 'facts.json'));
      ran.push({ argv, options, request, facts, mode: statSync(file).mode & 0o777 });
      const ended = 'action' in request ? program(request, reply) : answer(reply, { activate: true });
      return { code: 0, signal: null, stdout: '', stderr: '', truncated: false, ...ended };
    },
    log,
    ...overrides,
  };
  const add = (name: string, ddl: object | string = described, mode = 0o755) => {
    writeFileSync(join(directory, name), '', { mode });
    writeFileSync(join(directory, `${name}.json`), typeof ddl === 'string' ? ddl : JSON.stringify(ddl));
  };
  return { setup, add, ran, lines, directory, scratch, find: () => findExternalAgents(setup) };
}

function answer(file: string, reply: object): undefined {
  writeFileSync(file, JSON.stringify(reply));
}

const namesOf = ({ entries }: ExternalAgents) => entries.map(({ ddl }) => ddl.name);

/** A call of `colour.paint`. */
async function call(program: Program, context: object = {}) {
  const made = makeAgents(program);
  made.add('colour');
  const [entry] = (await made.find()).entries;
  assert.ok(entry !== undefined);
  const { handlers } = await (await entry.load())(agentSetup({} as never));
  const handler = handlers.paint as unknown as (input: object, context: object) => Promise<JsonObject>;
  const output = handler({ what: 'door' }, actionContext({ caller: 'cert=rip@devco.net', ...context }));
  return { ...made, output: output.finally(() => assert.deepEqual(readdirSync(made.scratch), [])) };
}

describe('the agents in other languages', () => {
  const named = (name: string) => ({ ...described, metadata: { ...metadata, name } });

  test('are those with a description that want to be active, in the order of their names', async () => {
    const { add, find, directory, scratch, lines, ran } = makeAgents(() => undefined, {
      run: async ([file = '', , reply = '']) => {
        answer(reply, { activate: !file.endsWith('away') });
        return { code: 0, signal: null, stdout: '', stderr: '', truncated: false };
      },
    });
    for (const name of ['mill', 'anvil', 'away']) add(name, named(name));
    writeFileSync(join(directory, 'program'), '', { mode: 0o755 });
    writeFileSync(join(directory, 'mill.site.json'), '{"actions": {"paint": {"kind": "read"}}}');
    const found = await find();
    assert.deepEqual([namesOf(found), found.refused, found.unsettled], [['anvil', 'mill'], [], []]);
    assert.deepEqual(
      found.entries.map(({ ddl }) => ddl.actions.paint?.kind),
      ['change', 'read'],
    );
    assert.deepEqual(lines, ['info {"agent":"away"} the agent reports that it must not run on this node']);
    assert.equal(statSync(scratch).mode & 0o777, 0o700);
    assert.deepEqual(ran, []);
  });

  test('do not exist where there is no directory', async () => {
    const { find, directory } = makeAgents(() => undefined);
    rmSync(directory, { recursive: true });
    assert.deepEqual(await find(), { entries: [], refused: [], unsettled: [] });
  });

  test('are all refused from a directory that others may write, or with more than 64 of them', async () => {
    const open = makeAgents(() => undefined);
    open.add('colour');
    chmodSync(open.directory, 0o777);
    const refused = await open.find();
    assert.deepEqual([refused.entries, refused.unsettled], [[], []]);
    assert.match(refused.refused.join(), /^the external agents in .*agents\.d are refused: /);
    const many = makeAgents(() => undefined, { taken: [] });
    for (let number = 1; number <= 64; number++) many.add(`a${number}`, named(`a${number}`));
    assert.equal((await many.find()).entries.length, 64);
    many.add('a65', named('a65'));
    const tooMany = await many.find();
    assert.deepEqual([tooMany.entries, tooMany.unsettled], [[], 'all']);
    assert.match(tooMany.refused.join(), /there are more than 64/);
  });

  test('are refused one by one, each with its reason; one that only could not be read stays as it was', async () => {
    const { add, find, directory } = makeAgents(() => undefined);
    add('colour');
    add('Upper', named('Upper'));
    add('rpcutil', named('rpcutil'));
    add('other', named('another'));
    add('broken', '{');
    add('open', named('open'), 0o755);
    add('lost', named('lost'));
    rmSync(join(directory, 'lost'));
    chmodSync(join(directory, 'open'), 0o777);
    add('large', JSON.stringify({ ...named('large'), more: 'x'.repeat(300_000) }));
    add('site', named('site'));
    writeFileSync(join(directory, 'site.site.json'), '[]');
    const { entries, refused, unsettled } = await find();
    assert.deepEqual(
      entries.map(({ ddl }) => ddl.name),
      ['colour'],
    );
    const reasons = [
      /“Upper” is refused: it is not a valid agent name/,
      /“broken” is refused: .*broken\.json/,
      /“large” is refused: .*large\.json is larger than \d+ bytes/,
      /“lost” is refused: /,
      /“open” is refused: /,
      /“other” is refused: .*other\.json describes an agent “another”/,
      /“rpcutil” is refused: a built-in agent has that name/,
      /“site” is refused: .*site\.site\.json/,
    ];
    assert.equal(refused.length, reasons.length, refused.join('\n'));
    for (const [index, reason] of reasons.entries()) assert.match(refused[index] ?? '', reason);
    // Their files are gone or not safe: these two end. The others stay in force.
    const gone = unsettled === 'all' ? [] : unsettled.toSorted();
    assert.deepEqual(gone, ['Upper', 'broken', 'large', 'other', 'rpcutil', 'site']);
  });
});

describe('a call of an agent in another language', () => {
  test('passes the request, the facts and the settings in private files, which are removed', async () => {
    const { output, ran, directory } = await call((_, reply) => answer(reply, { statuscode: 0, data: { dry: true } }));
    assert.deepEqual(await output, { coats: 1, dry: true });
    const [activation, one] = ran;
    assert.ok(activation !== undefined && one !== undefined);
    const { msgtime, ...request } = one.request;
    assert.ok(Math.abs(Number(msgtime) - Date.now() / 1000) < 3600, String(msgtime));
    assert.deepEqual(request, {
      $schema: 'https://choria.io/schemas/mcorpc/external/v1/rpc_request.json',
      protocol: 'io.choria.mcorpc.external.v1.rpc_request',
      agent: 'colour',
      action: 'paint',
      requestid: 'f765badda50053d29025b28094342ecf',
      senderid: 'rip@devco.net',
      callerid: 'cert=rip@devco.net',
      collective: 'mcollective',
      ttl: 60,
      data: { what: 'door' },
    });
    assert.deepEqual([one.facts, one.mode, one.options.timeout], [{ cluster: 'bravo' }, 0o600, 5000]);
    const [file = '', path = '', reply = '', protocol = ''] = one.argv;
    assert.deepEqual([file, protocol], [join(directory, 'colour'), request.protocol]);
    const { PATH, ...environment } = one.options.env ?? {};
    assert.match(PATH ?? '', /:\/usr\/bin:/);
    assert.deepEqual(environment, {
      CHORIA_EXTERNAL_REQUEST: path,
      CHORIA_EXTERNAL_REPLY: reply,
      CHORIA_EXTERNAL_PROTOCOL: protocol,
      CHORIA_EXTERNAL_CONFIG: '/etc/plugin.d/colour',
      CHORIA_EXTERNAL_FACTS: join(dirname(path), 'facts.json'),
    });
    assert.deepEqual([activation.options.timeout, activation.request.agent], [10_000, 'colour']);
  });

  test('ends with its caller: the signal of the call reaches the program', async () => {
    const { signal } = new AbortController();
    const { output, ran } = await call((_, reply) => answer(reply, { statuscode: 0 }), { signal });
    assert.deepEqual(await output, { coats: 1 });
    assert.equal(ran.at(-1)?.options.signal, signal);
  });

  for (const [statuscode, code] of [
    [1, 'action-failed'],
    [2, 'unknown-action'],
    [3, 'invalid-input'],
    [4, 'invalid-input'],
    [5, 'agent-error'],
  ] as const) {
    test(`fails with the status that the agent gave, its words and its data: ${statuscode}`, async () => {
      const { output } = await call((_, reply) =>
        answer(reply, { statuscode, statusmsg: 'no paint', data: { dry: false } }),
      );
      await assert.rejects(output, { code, message: 'no paint', status: statuscode, data: { coats: 1, dry: false } });
    });
  }

  test('has its own message where the agent gives none, and never one of more than 4096 characters', async () => {
    for (const [statusmsg, message] of [
      ['', 'colour failed'],
      [7, 'colour failed'],
      ['x'.repeat(5000), 'x'.repeat(4096)],
    ]) {
      const { output } = await call((_, reply) => answer(reply, { statuscode: 1, statusmsg }));
      await assert.rejects(output, { code: 'action-failed', message });
    }
  });

  const replies: [string, Program, RegExp][] = [
    [
      'data that is not an object',
      (_, reply) => answer(reply, { statuscode: 0, data: [] }),
      /data that is not an object/,
    ],
    ['no status', (_, reply) => answer(reply, {}), /no status code from 0 to 5/],
    ['a status that does not exist', (_, reply) => answer(reply, { statuscode: 6 }), /no status code from 0 to 5/],
    ['nothing', () => undefined, /wrote no reply/],
    [
      'a reply of more than half a megabyte',
      (_, reply) => writeFileSync(reply, 'x'.repeat(524_289)) as undefined,
      /larger/,
    ],
    [
      'a link in place of its reply',
      (_, reply) => {
        rmSync(reply);
        symlinkSync('/etc/hostname', reply);
        return undefined;
      },
      /cannot be read/,
    ],
    [
      'a directory in place of its reply',
      (_, reply) => {
        rmSync(reply);
        mkdirSync(reply);
        return undefined;
      },
      /not a regular file/,
    ],
  ];
  for (const [what, program, message] of replies) {
    test(`fails if the agent leaves ${what}`, async () => {
      await assert.rejects((await call(program)).output, { code: 'bad-reply', message });
    });
  }

  test('accepts a reply of exactly half a megabyte', async () => {
    const start = '{"statuscode": 0, "data": {"text": "';
    const text = 'x'.repeat(524_288 - start.length - 3);
    const { output } = await call((_, reply) => writeFileSync(reply, `${start}${text}"}}`) as undefined);
    assert.deepEqual(await output, { coats: 1, text });
  });

  const ends: [string, Ended, object][] = [
    ['does not end in time', { ended: 'timeout' }, { code: 'timeout' }],
    ['is cancelled', { ended: 'cancelled' }, { code: 'cancelled' }],
    ['starts too many processes', { ended: 'too-many-processes' }, { code: 'agent-failed', message: /more than 256/ }],
    ['cannot start', { ended: 'not-found' }, { code: 'agent-failed', hint: /^is it executable/ }],
    ['cannot start for now', { ended: 'no-resources' }, { code: 'agent-failed', hint: /^too many files/ }],
    ['fails', { code: 3, stderr: 'a\nlast\n' }, { code: 'agent-failed', message: /ended with exit code 3: last$/ }],
    ['fails without a word', { code: 1 }, { code: 'agent-failed', message: 'the agent colour ended with exit code 1' }],
    ['is killed', { code: null, signal: 'SIGKILL' }, { code: 'agent-failed', message: /was ended by SIGKILL$/ }],
  ];
  for (const [what, ended, problem] of ends) {
    test(`fails if the program ${what}, even after a good reply`, async () => {
      const { output } = await call((_, reply) => {
        answer(reply, { statuscode: 0 });
        return ended;
      });
      await assert.rejects(output, problem);
    });
  }

  test('logs what the program prints, up to 50 lines of each output', async () => {
    const stderr = Array.from({ length: 52 }, (_, at) => `line ${at + 1}`).join('\n\n');
    const { output, lines } = await call((_, reply) => {
      answer(reply, { statuscode: 0 });
      return { stdout: `${'y'.repeat(1001)}\n \n`, stderr };
    });
    await output;
    const of = (level: string) => lines.filter((line) => line.startsWith(`${level} {"agent":"colour"} `));
    assert.deepEqual(of('info'), [`info {"agent":"colour"} ${'y'.repeat(1000)}`]);
    assert.deepEqual(
      of('error')
        .slice(48)
        .map((line) => line.split('} ')[1]),
      ['line 49', 'line 50', '(2 more lines are left out)'],
    );
  });
});
