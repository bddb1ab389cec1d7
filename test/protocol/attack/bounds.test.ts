import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { FilterTerms } from '../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';

const { signal } = new AbortController();
/** Keeps a backtracking engine busy for longer than anybody waits. */
const runaway = '(a+)+$';
const bait = `${'a'.repeat(4000)}!`;
const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]', ...'bcdefghi'].reduce(
  (text, name, index) => `${text}\n${name}: &${name} [${`*${'abcdefgh'[index - 1]}, `.repeat(10).slice(0, -2)}]`,
);

let fleet: Fleet;
let node: TestNode;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  node = await startTestNode(fleet, {
    // On a busy machine a test may take longer than the default.
    config: 'limits: { stall: 600 }',
    policies: {
      default: allowRip,
      probe: `policy default deny\nallow\t/${runaway}/ cert=rip@devco.net\t*\tbait=/${runaway}/ or not bait=/x/\t*\n`,
    },
    prepare: async (directory) => {
      const fact = (file: string, text: string) => writeFile(join(directory, 'facts.d', file), text);
      await fact('bait.yaml', `bait: ${bait}\ncode: "process.exit(1)"\n`);
      await fact('tag.yaml', 'evil: !!js/function "function(){ process.exit(1) }"\n');
      await fact('bomb.yaml', bomb);
      await fact('proto.json', '{"__proto__":{"polluted":true}}');
      await fact('deep.json', `{"deep":${'['.repeat(5000)}${']'.repeat(5000)}}`);
      await fact('nested.json', `{"nested":${'['.repeat(100)}${']'.repeat(100)}}`);
      await fact('large.json', JSON.stringify({ large: 'x'.repeat(4 * 1024 * 1024) }));
    },
  });
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const ask = async (filter: Partial<FilterTerms>) => {
  const connection = await node.dial(rip);
  try {
    const request = { filter: { ...noFilter, ...filter }, facts: ['*'], full: false, peers: false };
    return await connection.describe(request, signal);
  } finally {
    connection.close();
  }
};

describe('input that could cost a node time or memory', () => {
  test('a regex in a filter that backtracks on a fact is answered, or refused for its cost', async () => {
    assert.equal((await ask({ facts: [`bait=/${runaway}/`] })).matched, false);
    assert.equal((await ask({ select: `not bait=/${runaway}/` })).matched, true);
    await assert.rejects(ask({ facts: ['bait=/((a{1,100}){1,100}){1,100}/'] }), { code: 'bad-filter' });
    await assert.rejects(ask({ classes: [`/${'(a|b)*'.repeat(40)}c/`, `/${'x'.repeat(300)}/`] }), {
      code: 'bad-filter',
    });
  });

  test('code in a filter or in a fact is plain text', async () => {
    assert.equal((await ask({ facts: ['code=process.exit(1)'] })).matched, true);
    for (const select of ['process.exit(1)', '`id`', '$(id)', 'constructor.constructor("return 1")()', '__proto__=1']) {
      const answer = await ask({ select }).catch((error: unknown) => error as { code: string });
      assert.ok('code' in answer ? answer.code === 'bad-filter' : !answer.matched, select);
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  test('facts that nest too deeply or name a prototype are left out, alias bombs and large files are refused, other facts stay', async () => {
    const { facts, warnings } = await ask({});
    const known = JSON.parse(Buffer.from(facts).toString()) as Record<string, unknown>;
    assert.equal(known.bait, bait);
    assert.equal(known.cluster, 'bravo');
    assert.equal(known.evil, 'function(){ process.exit(1) }');
    assert.equal(JSON.stringify(known.nested), `${'['.repeat(28)}${']'.repeat(28)}`);
    for (const name of ['deep', 'large', 'polluted', '__proto__', ...'abcdefghi'])
      assert.ok(!Object.hasOwn(known, name), name);
    for (const [file, warning] of [
      [
        'bomb.yaml',
        /^facts in .*bomb\.yaml refused: it has (too many values|more than \d+ values): does it use aliases/,
      ],
      ['large.json', /^facts in .*large\.json refused: it is larger than 4194304 bytes$/],
      ['proto.json', /^the fact “__proto__” in .*proto\.json is left out: its name is reserved$/],
      ['deep.json', /^facts in .*deep\.json refused: it is nested too deep$/],
      ['nested.json', /^the fact “nested\.0\..*” in .*nested\.json is left out: it is nested deeper than 28 levels$/],
    ] as const) {
      const found = warnings.filter((one) => one.includes(file));
      assert.equal(found.length, 1, file);
      assert.match(found.join(), warning);
    }
  });

  test('a regex in a policy that backtracks on a fact or a caller still decides, and is recorded', async () => {
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    const eve = await fleet.operator(`${'a'.repeat(100)}.eve`);
    assert.equal((await node.call(eve, {})).code, 'policy-denied');
    const outcome = (await node.records()).findLast((record) => record.kind === 'outcome');
    assert.equal(outcome?.code, 'policy-denied');
  });

  test('a policy with a regex that is too expensive to match allows nobody', async () => {
    await using strict = await startTestNode(fleet, {
      name: 'dev4.devco.net',
      policies: { default: 'policy default allow\ndeny\t/((a{1,100}){1,100}){1,100}/\t*\t*\t*\n' },
    });
    assert.equal((await strict.call(rip, {})).code, 'policy-denied');
  });

  test('callers that stop in the middle of a message delay nobody', async () => {
    const sessions: ClientHttp2Session[] = [];
    const streams: ClientHttp2Stream[] = [];
    for (let each = 0; each < 10; each++) {
      const session = connect(`https://127.0.0.1:${node.daemon.port}`, {
        key: rip.keyPem,
        cert: rip.certificatePem,
        ca: fleet.caPem,
        servername: node.name,
      });
      session.on('error', () => {});
      await once(session, 'connect');
      for (const path of ['Call', 'Result', 'Describe'])
        for (let more = 0; more < 10; more++) {
          const headers = {
            ':method': 'POST',
            ':path': `/mco.v1.Node/${path}`,
            'content-type': 'application/grpc',
            te: 'trailers',
          };
          const stream = session.request(headers).on('error', () => {});
          // The head of a message of a mebibyte, and its first bytes.
          stream.write(Buffer.from([0, 0, 15, 255, 255, 1, 2, 3]));
          streams.push(stream);
        }
      sessions.push(session);
    }
    for (let call = 0; call < 20; call++) assert.equal((await node.call(rip, {})).outcome, 'ok');
    assert.equal(streams.filter((stream) => stream.closed).length, 0, 'they are still there');
    for (const session of sessions) session.destroy();
  });
});
