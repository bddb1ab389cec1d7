// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { createFabric } from '../../../support/fleet/fabric.ts';
import { load, runText } from '../../../support/fleet/playbook.ts';

/** The steps begin in line 7. */
function around(steps: string): string {
  return `name: test
inputs: {size: {type: integer, default: 1}}
nodes:
  all:
    agents: [thing]
steps:
${steps}
`;
}

/** The lines that the steps print when they run. */
async function said(steps: string): Promise<string[]> {
  const report = await runText(around(steps), createFabric([{ name: 'a', agents: ['thing'] }]));
  return report.steps.flatMap(({ lines }) => lines ?? []);
}

async function refusal(text: string): Promise<string> {
  try {
    await load(text);
  } catch (error) {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, 'bad-playbook');
    return error.message;
  }
  return assert.fail('it was taken');
}

/** The fault, the reported position, and a word that the message must contain. */
const badFiles: [string, string, string, RegExp][] = [
  ['tabs', 'name: x\nsteps:\n\t- {say: x}', '3:1', /a tab is here: indent with spaces/],
  ['a key twice', 'name: x\nname: y\nsteps: [{say: x}]', '2:1', /the key “name” occurs twice/],
  ['an unknown key', 'name: x\nstepz: []\nsteps: [{say: x}]', '2:1', /did you mean “steps”/],
  ['steps that are not a list', 'name: x\nsteps: {say: x}', '2:8', /must be a list/],
  ['no steps', 'name: x\nsteps: []', '2:8', /steps: must not be empty/],
  ['nothing at all', '', '1:1', /the playbook is empty/],
  ['an input called __proto__', 'name: x\ninputs:\n  __proto__: {}\nsteps: [{say: x}]', '3:3', /must match/],
  [
    'a default of the wrong type',
    'name: x\ninputs: {n: {type: integer, default: many}}\nsteps: [{say: x}]',
    '2:38',
    /whole number/,
  ],
  ['a malformed pattern', 'name: x\ninputs:\n  n:\n    pattern: "(a"\nsteps: [{say: x}]', '4:14', /regex/],
  ['a malformed filter term', 'name: x\nnodes:\n  all:\n    facts: [cluster]\nsteps: [{say: x}]', '4:13', /cluster/],
  [
    'a set that needs a later value',
    'name: x\nnodes:\n  all:\n    facts: ["a=${{ steps.x.ok }}"]\nsteps: [{say: x}]',
    '4:20',
    /no “steps” here/,
  ],
  [
    'an input from two places',
    'name: x\ninputs: {n: {from: {env: A, file: b}}}\nsteps: [{say: x}]',
    '2:20',
    /at most 1 key/,
  ],
  [
    'an input from an invalid variable',
    'name: x\ninputs: {n: {from: {env: A-B}}}\nsteps: [{say: x}]',
    '2:26',
    /must match/,
  ],
  ['a file of nodes without its source', 'name: x\nnodes: {a: {file: b}}\nsteps: [{say: x}]', '2:12', /requires/],
  ['an unknown source', 'name: x\nnodes: {a: {source: mdsn}}\nsteps: [{say: x}]', '2:21', /must be one of mdns/],
  [
    'two steps of one name in two lists',
    'name: x\nsteps: [{id: a, say: x}]\nalways: [{id: a, say: x}]',
    '3:15',
    /two steps/,
  ],
  ['a label with an unknown input', 'name: x\nlabel: ${{ inputs.no }}\nsteps: [{say: x}]', '2:19', /there are none/],
];

const badSteps: [string, string, string, RegExp][] = [
  [
    'a step of no kind',
    '  - {id: a}',
    '7:5',
    /one of call, rolling, for_each, use, say, set, require, confirm, pause, wait_for, finish/,
  ],
  ['a step of two kinds', '  - {say: a, finish: b}', '7:5', /write two steps/],
  ['a key of another kind', '  - say: a\n    tries: 2', '8:5', /“tries” does not belong/],
  ['a misspelt key', '  - {cal: thing.look}', '7:6', /did you mean “call”/],
  ['an unknown agent', '  - {call: thin.look, on: all}', '7:12', /did you mean “thing”/],
  ['an unknown action', '  - {call: thing.loook, on: all}', '7:18', /did you mean “look”/],
  ['an inherited name for an action', '  - {call: thing.constructor, on: all}', '7:18', /no action “constructor”/],
  ['a call on nobody', '  - {call: thing.look}', '7:5', /“on” is missing/],
  ['an unknown set', '  - {call: thing.look, on: al}', '7:28', /did you mean “all”/],
  ['an unknown input of an action', '  - {call: thing.change, on: all, with: {too: x}}', '7:42', /did you mean “to”/],
  ['a missing input of an action', '  - {call: thing.change, on: all, with: {}}', '7:5', /“to” is missing/],
  ['a value that the DDL refuses', '  - {call: thing.change, on: all, with: {to: "X!"}}', '7:46', /must match/],
  [
    'a number that the DDL refuses',
    '  - {call: thing.change, on: all, with: {to: x, count: -1}}',
    '7:56',
    /must be at least 0/,
  ],
  ['an unknown input', '  - say: "hello ${{ inputs.sise }}"', '7:28', /did you mean “size”/],
  ['an unknown variable', '  - say: hello ${{ inputz.size }}', '7:20', /did you mean “inputs”/],
  ['an unknown set in an expression', '  - say: hello ${{ nodes.al.size }}', '7:26', /did you mean “all”/],
  ['an unknown field of a set', '  - say: hello ${{ nodes.all.length }}', '7:30', /known: members, names, size/],
  ['half an expression', '  - say: hello ${{ inputs.size + }}', '7:32', /Unexpected token/],
  ['an expression that is never closed', '  - say: hello ${{ 1 + 2', '7:16', /without a closing “}}”/],
  ['types that do not go together', '  - say: hello ${{ 1 + "a" }}', '7:20', /no such overload/],
  ['an unknown function', '  - say: hello ${{ eval("1") }}', '7:20', /eval/],
  ['an unknown method', '  - say: hello ${{ nodes.all.names.joinn(",") }}', '7:20', /joinn/],
  ['a condition that is not a boolean', '  - {say: x, if: "1 + 2"}', '7:18', /true or false/],
  ['a step that runs later', '  - {id: a, say: "${{ steps.b.ok }}"}\n  - {id: b, say: x}', '7:29', /may run later/],
  [
    'a step that is not needed',
    '  - {id: a, say: x}\n  - {id: b, needs: [], say: "${{ steps.a.ok }}"}',
    '8:40',
    /may run later/,
  ],
  ['the step itself', '  - {id: a, say: "${{ steps.a.ok }}"}', '7:29', /may run later/],
  [
    'a value that is set later',
    '  - {id: a, say: "${{ values.v }}"}\n  - {id: b, set: {v: x}}',
    '7:30',
    /may run later/,
  ],
  [
    'an output that the action has not',
    '  - {call: thing.look, on: all, until: reply.data.numbr == 0}',
    '7:51',
    /did you mean “number”/,
  ],
  [
    'one in a loop over replies',
    '  - {id: a, call: thing.look, on: all}\n  - {say: "${{ steps.a.replies.filter(r, r.ok).map(r, r.data.txt) }}"}',
    '8:62',
    /“text”/,
  ],
  ['a reply outside “until”', '  - {say: "${{ reply.ok }}"}', '7:16', /no “reply” here/],
  ['a failure before there is one', '  - {say: "${{ failure.step }}"}', '7:16', /no “failure” here/],
  ['needs in a circle', '  - {id: a, needs: b, say: x}\n  - {id: b, needs: a, say: x}', '7:20', /a → b → a/],
  ['an unknown need', '  - {id: a, needs: [bb], say: x}', '7:20', /unknown step “bb”/],
  ['two steps of one name', '  - {id: a, say: x}\n  - {id: a, say: x}', '8:10', /two steps “a”/],
  ['tries of what must not be repeated', '  - {call: thing.once, on: all, tries: 2}', '7:40', /must not be repeated/],
  ['a question to what can’t answer it', '  - {call: thing.blind, on: all, dry_run: true}', '7:43', /cannot show/],
  ['failover without a limit', '  - {call: thing.look, on: all, failover: true}', '7:43', /requires “limit”/],
  ['more passes than tries', '  - {call: thing.look, on: all, until: "true", passes: 2}', '7:56', /as many tries/],
  ['batches of 0 %', '  - {call: thing.look, on: all, batch: "0%"}', '7:40', /above 0 %/],
  ['a ramp above 100 %', '  - {call: thing.look, on: all, batch: [1, "200%"]}', '7:44', /up to 100 %/],
  ['a threshold of nothing', '  - {call: thing.look, on: all, max_failures: 0}', '7:47', /must be at least 1/],
  ['a wait of days', '  - {call: thing.look, on: all, try_sleep: 99h}', '7:44', /up to 24h/],
  [
    'loops that are nested too deep',
    '  - say: ${{ [1].all(a, [1].all(b, [1].all(c, [1].all(d, d == a)))) }}',
    '7:47',
    /deeper than 3/,
  ],
  ['an unknown step in “always”', '  - say: x\nalways:\n  - say: ${{ steps.no.ok }}', '9:20', /there is no “no”/],
  ['an expression that is nested too deep', `  - say: \${{ ${'('.repeat(60)}1${')'.repeat(60)} }}`, '7:38', /maxDepth/],
  ['an expression that is huge', `  - say: \${{ ${'1+'.repeat(600)}1 }}`, '7:14', /maxAstNodes/],
  ['a loop’s variable that hides another', '  - say: ${{ nodes.all.names.map(steps, steps) }}', '7:34', /is in use/],
  [
    'a name in a folded text',
    '  - say: >-\n      first line\n      ${{ nodes.all.size }} and ${{ nodes.al.size }}',
    '9:43',
    /did you mean “all”/,
  ],
  [
    'a name in a literal text',
    '  - say: |\n      first line\n      ${{ nodes.all.size }} and ${{ nodes.al.size }}',
    '9:43',
    /did you mean “all”/,
  ],
];

describe('faults that refuse a playbook before anything runs, with line and column', () => {
  const cases = [...badFiles, ...badSteps.map(([what, steps, ...rest]) => [what, around(steps), ...rest] as const)];
  for (const [what, text, place, words] of cases) {
    test(what, async () => {
      const message = await refusal(text);
      assert.equal(/^test\.yaml:(\d+:\d+): /.exec(message)?.[1], place, message);
      assert.match(message, words);
    });
  }

  test('an alias bomb', async () => {
    const ten = (name: string) => Array.from({ length: 10 }, () => `*${name}`).join(',');
    const message = await refusal(
      `name: x\na: &a [${'x,'.repeat(10)}x]\nb: &b [${ten('a')}]\nc: &c [${ten('b')}]\nsteps: [${ten('c')}]`,
    );
    assert.match(message, /^test\.yaml:3:8: the playbook uses too many aliases/);
  });
});

describe('a playbook', () => {
  test('reports one fault in several steps once, with all its places', async () => {
    const message = await refusal(
      around(
        '  - {call: thign.work, on: all}\n  - {call: thing.chnge, on: all}\n  - {call: thign.work, on: all}\n  - {call: thign.rest, on: all}',
      ),
    );
    assert.deepEqual(message.split('\n'), [
      'test.yaml:7:12: there is no agent “thign”: did you mean “thing”? (also at 9:12, 10:12)',
      'test.yaml:8:18: thing has no action “chnge”: did you mean “change”?',
    ]);
  });

  test('reports the faults of several steps at once', async () => {
    const message = await refusal(
      around('  - {say: "${{ inputs.x }}"}\n  - {say: fine}\n  - {say: "${{ inputs.y }}"}'),
    );
    assert.deepEqual(
      message.split('\n').map((line) => /^test\.yaml:(\d+)/.exec(line)?.[1]),
      ['7', '9'],
    );
  });

  test('is reported as missing if it does not exist', async () => {
    await assert.rejects(loadPlaybook('/nowhere/x.yaml', []), { code: 'unreadable-file', message: /no such file/ });
  });

  test('is not read to its end if it never ends', async () => {
    await assert.rejects(loadPlaybook('/dev/zero', []), { code: 'bad-playbook', message: /larger than 1048576 bytes/ });
    await assert.rejects(loadPlaybook('/tmp', []), { code: 'unreadable-file', message: /it is a directory/ });
  });

  test('may call an agent by its alias', async () => {
    const { steps } = await load(around('  - {call: otherthing.look, on: all}'));
    assert.equal(steps[0]?.body.title, 'otherthing#look');
  });

  test('may write conditions with and without braces', async () => {
    const steps = ['inputs.size == 1', '${{ inputs.size == 1 }}', 'inputs.size == 2', '${{ inputs.size == 2 }}'];
    assert.deepEqual(await said(steps.map((one, at) => `  - {say: s${at}, if: "${one}"}`).join('\n')), ['s0', 's1']);
  });

  test('may have several expressions in a text, and text around each of them', async () => {
    const step = '  - say: \'a ${{ inputs.size }} b ${{ inputs.size + 1 }}${{ "c" }} d\'';
    assert.deepEqual(await said(step), ['a 1 b 2c d']);
  });

  test('may have “}}” in a string and maps in maps within an expression', async () => {
    const step = `  - say: '\${{ "}}" + string({"a": {"b": 1}}.a.b) }} and \${{ inputs.size }}'`;
    assert.deepEqual(await said(step), ['}}1 and 1']);
  });

  test('is checked with 200 steps with an expression each', async () => {
    const steps = Array.from({ length: 200 }, (_, at) => `  - {id: s${at}, say: "\${{ inputs.size + ${at} }}"}`);
    const { steps: loaded } = await load(around(steps.join('\n')));
    assert.equal(loaded.length, 200);
  });
});
