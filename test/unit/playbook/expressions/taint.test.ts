// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { startTaint } from '../../../../src/playbook/expressions/taint.ts';
import { refuseSecrets } from '../../../../src/playbook/inputs/call-input.ts';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { type Behaviour, createFabric } from '../../../support/fleet/fabric.ts';
import { labDdl, runText } from '../../../support/fleet/playbook.ts';
import { testProblem } from '../../../support/test-problem.ts';

const secret = 'Hunter-2-Xyzzy';
/** The values that the expressions below compute from it: they must appear nowhere. */
const derived = [secret, 'HUNTER', 'Hunter', 'hunter', 'Xyzzy', 'SHOUTED', 'Hu'];

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-taint-'));
});
after(() => rm(directory, { recursive: true }));

const run = async (steps: string, more = '', given = secret, options: RunOptions = {}) => {
  const file = join(directory, 'secret.yaml');
  const head = 'name: secret\ninputs:\n  s: { sensitive: true }\n  open: { required: false, default: open }\n';
  await writeFile(file, `${head}${more}nodes: { all: { agents: [thing] } }\nsteps:\n${steps}\n`);
  const fabric = createFabric([{ name: 'a', agents: ['thing'], actions: { 'thing.change': () => ({ text: '' }) } }]);
  const playbook = await loadPlaybook(file, [labDdl]);
  const report = await runPlaybook(playbook, bindInputs(playbook, { s: given }), fabric.ports, options);
  const seen = JSON.stringify([fabric.events, fabric.journal, report]);
  return { report, seen, calls: fabric.calls };
};

describe('a value computed from a sensitive input', () => {
  const expressions = [
    'inputs.s.upperAscii()',
    'inputs.s.lowerAscii()',
    'inputs.s.substring(0, 6)',
    'inputs.s.substring(0, 2)',
    'inputs["s"].substring(9)',
    'inputs.s.split("-")[2]',
    'inputs.s.split("-").map(part, part.upperAscii()).join(" ")',
    '{"a": inputs.s.substring(0, 6)}["a"]',
    'inputs.open == "open" ? inputs.s.substring(0, 6) : ""',
    '"x" + inputs.s.substring(0, 6) + "y"',
    'inputs.map(name, inputs[name].upperAscii()).join(" ")',
  ];
  for (const expression of expressions) {
    const said = JSON.stringify(`it is \${{ ${expression} }}!`);
    test(`is hidden when shown: ${expression}`, async () => {
      const { seen, report } = await run(`  - { id: one, say: ${said} }`);
      assert.equal(report.state, 'done');
      for (const text of derived) assert.ok(!seen.includes(text), text);
      assert.match(seen, /it is .*\(hidden\)/);
    });
  }

  for (const expression of [
    'inputs.s.lowerAscii().substring(0, 6)',
    'inputs.s.lowerAscii().substring(0, 2)',
    '"x" + inputs.s.lowerAscii().substring(0, 6)',
    'inputs.s.lowerAscii().split("-").map(part, part + "7")[0]',
  ]) {
    test(`is refused as an input that is not sensitive: ${expression}`, async () => {
      const given = JSON.stringify(`\${{ ${expression} }}`);
      const { seen, report, calls } = await run(`  - { id: one, call: thing.change, on: all, with: { to: ${given} } }`);
      assert.equal(report.state, 'failed');
      assert.deepEqual(calls, []);
      for (const text of derived) assert.ok(!seen.includes(text), text);
      assert.ok(seen.includes('the sensitive input “s” may not be given to'));
    });
  }

  test('stays sensitive through a set value, and values computed from that', async () => {
    const { seen } = await run(`  - { id: keep, set: { first: "\${{ inputs.s.substring(0, 6) }}", plain: "visible" } }
  - { id: more, set: { second: "\${{ values.first.upperAscii() }}" } }
  - { id: one, say: "\${{ values.second }} \${{ values.plain }} \${{ values.first.lowerAscii() }} \${{ values['first'].substring(0, 2) }}" }`);
    for (const text of derived) assert.ok(!seen.includes(text), text);
    assert.match(seen, /visible/);
  });

  test('stays sensitive through a loop and its items', async () => {
    const { seen } = await run(`  - id: loop
    for_each:
      in: "\${{ inputs.s.split('-') }}"
      steps:
        - { id: one, say: "part \${{ item.upperAscii() }} of \${{ round.count }}" }`);
    for (const text of [...derived, 'XYZZY']) assert.ok(!seen.includes(text), text);
    assert.match(seen, /part \(hidden\) of 3/);
  });

  test('stays sensitive in a message of a failure', async () => {
    const { seen, report } = await run(
      `  - { id: one, require: "1 == 2", message: "no \${{ inputs.s.substring(0, 6) }}" }`,
    );
    assert.equal(report.state, 'failed');
    for (const text of derived) assert.ok(!seen.includes(text), text);
  });

  test('is hidden in the replies of a node that repeats its input, and in the reasons of each try', async () => {
    const echo: Behaviour = ({ token }, { try: number }) => {
      if (number === 1) throw testProblem('broken', `the token ${token} is not valid`);
      return { text: `it is ${token}`, list: [String(token)] };
    };
    const nodes = [{ name: 'a', agents: ['thing'], actions: { 'thing.change': echo } }];
    const fabric = createFabric(nodes);
    const text = `name: test
inputs: { s: { sensitive: true } }
nodes: { all: { agents: [thing] } }
steps:
  - { id: go, call: thing.change, on: all, tries: 2, with: { to: x, token: "\${{ inputs.s }}" } }
`;
    const report = await runText(text, fabric, { s: secret });
    assert.deepEqual([report.state, fabric.calls.map(({ input }) => input.token)], ['done', [secret, secret]]);
    const seen = JSON.stringify([fabric.events, fabric.journal, report]);
    assert.ok(!seen.includes(secret));
    const shown = fabric.events.flatMap((event) => (event.type === 'outcome' ? [[event.message, event.data]] : []));
    assert.deepEqual(shown, [
      ['the token (hidden) is not valid', {}],
      ['', { text: 'it is (hidden)', list: ['(hidden)'] }],
    ]);
    const [failed] = fabric.events.flatMap((event) => (event.type === 'try-failed' ? event.failed : []));
    assert.equal(failed?.reason, 'the token (hidden) is not valid');
  });

  test('leaves values from other inputs unchanged', async () => {
    const { seen } = await run('  - { id: one, say: "${{ inputs.open.upperAscii() }}" }');
    assert.match(seen, /OPEN/);
  });
});

describe('a secret with characters that JSON and the shell write differently', () => {
  const odd = `It's "so" \\odd\nas that`;
  /** Parts of it that no other text has. */
  const parts = [/so\\*"/, /odd/, /as that/, /It'/];
  const isHidden = (text: string) => {
    for (const part of parts) assert.doesNotMatch(text, part);
  };

  for (const expression of [
    'inputs.s',
    '[inputs.s]',
    '{"a": inputs.s}',
    '{"a": {"b": [inputs.s]}}',
    '{inputs.s: 1}',
    '{"a": inputs.s.substring(4)}',
  ])
    test(`is hidden when shown: ${expression}`, async () => {
      const { report, seen } = await run(`  - { id: one, say: 'it is \${{ ${expression} }}!' }`, '', odd);
      assert.equal(report.state, 'done');
      assert.match(report.steps[0]?.lines.join() ?? '', /^it is .*\(hidden\).*!$/);
      isHidden(JSON.stringify(report.steps));
      isHidden(seen);
    });

  for (const step of [
    'say: "${{ inputs.s }}"',
    'say: "moo ${{ inputs.s }}", cow: true',
    'finish: "${{ inputs.s }}"',
    'require: "1 == 2", message: "${{ inputs.s }}"',
    'require: "1 == 2", message: "${{ {\'a\': inputs.s} }}"',
  ])
    test(`is hidden by a step that shows it: ${step}`, async () => {
      const { seen } = await run(`  - { id: one, ${step} }`, '', `${odd} ${'and more words '.repeat(9)}so odd`);
      assert.match(seen, /\(hidden\)/);
      isHidden(seen);
      assert.doesNotMatch(seen, /more words/);
    });

  test('is hidden in the command that the end of the run shows', async () => {
    for (const word of [`'s=${odd.replaceAll("'", "'\\''")}'`, `"s=${odd}"`]) {
      const command = `mco-deploy run ${word}`;
      const { report, seen } = await run('  - { id: one, require: "1 == 2" }', '', odd, { command });
      assert.match(report.next ?? '', /^to try again: mco-deploy run .s=\(hidden\).$/);
      isHidden(seen);
    }
  });

  test('is refused within the input of a call: in a list, in an object and as its key', () => {
    for (const given of [
      { list: [odd] },
      { map: { a: { b: `x ${odd}` } } },
      { map: { [odd]: 1 } },
      { text: JSON.stringify({ a: odd }) },
    ])
      assert.throws(() => refuseSecrets(given, startTaint({ s: odd }), 'thing#change'), { code: 'bad-input' });
    refuseSecrets({ list: ['another'], count: 7 }, startTaint({ s: odd }), 'thing#change');
  });
});

describe('what is known to be secret', () => {
  test('is shared with the playbooks that a run uses, in both directions', () => {
    const outer = startTaint({ s: secret });
    const inner = startTaint({ t: 'Another-1' }, outer);
    inner.learn('Derived-9', 't');
    assert.deepEqual(
      [secret, 'Another-1', 'Derived-9'].map((text) => [outer.texts.get(text), inner.texts.get(text)]),
      [
        ['s', 's'],
        ['t', 't'],
        ['t', 't'],
      ],
    );
    inner.learn('ab', 't');
    assert.deepEqual([outer.brief.get('ab'), outer.texts.has('ab')], ['t', false]);
  });

  test('is a text of four characters anywhere, and a shorter one alone', () => {
    const taint = startTaint({ s: 'ab' });
    taint.learn(['abcd', { key: 'xyz', n: 123 }], 's');
    assert.deepEqual([...taint.texts.keys()], ['ab', 'abcd'], 'the whole of an input at any length');
    assert.deepEqual([...taint.brief.keys()], ['key', 'xyz', 'n', '123']);
    taint.learn(['ab', true, '', null], 's');
    assert.equal(taint.brief.size, 4);
  });

  test('is what an expression reads, by its name or as a part of all', () => {
    const taint = startTaint({ s: secret });
    taint.mark('values.v', 's');
    assert.deepEqual(
      [['inputs.s'], ['inputs'], ['values'], ['values.v'], ['inputs.open'], ['values.w'], ['item'], []].map((reads) =>
        taint.sourceOf(reads),
      ),
      ['s', 's', 's', 's', undefined, undefined, undefined, undefined],
    );
    assert.equal(taint.fork({ item: 's' }).sourceOf(['item']), 's');
    assert.equal(taint.sourceOf(['item']), undefined, 'outside of the round');
    assert.deepEqual(
      [taint.during(() => taint.learn('Hidden', 's')).source, taint.during(() => 1)],
      ['s', { value: 1, source: undefined }],
    );
  });
});
