// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describePlaybook, describePlaybookInMarkdown } from '../../../../src/client/render/playbook.ts';
import type { PlaybookSource } from '../../../../src/playbook/source/schema.ts';

const source: PlaybookSource = {
  name: 'example',
  description: 'Shows a | pipe <b>and</b> \u001b[31mmore',
  inputs: {
    cluster: { description: 'which one', pattern: '[a-z]+' },
    token: { sensitive: true, from: { env: 'TOKEN' }, required: false },
    state: { enum: ['on', 'off'], default: 'on' },
  },
  nodes: { web: { agents: ['appmgr'], facts: ['cluster=${{ inputs.cluster }}'], at_least: 2 } },
  steps: [
    { id: 'go', call: 'appmgr.upgrade', on: 'web', batch: [1, '50%'], tries: 2, if: '${{ inputs.state == "on" }}' },
    { rolling: { over: 'web', batch: 2, steps: [{ id: 'in', say: 'x' }], on_failure: [{ id: 'back', say: 'y' }] } },
    { use: 'other.yaml' },
  ],
  always: [{ id: 'end', confirm: 'well?' }],
};

describe('playbook show', () => {
  test('prints lines: inputs, nodes, steps and nested steps', () => {
    const text = describePlaybook(source).join('\n');
    assert.match(text, /^ {2}cluster {2}which one \(string; like \[a-z\]\+; required\)$/m);
    assert.match(text, /^ {2}token {4}\(string; optional; or from the environment variable TOKEN; never shown\)$/m);
    assert.match(text, /^ {2}state {4}\(one of on, off; default on\)$/m);
    assert.match(text, /^ {2}web {2}agents appmgr; facts cluster=\$\{\{ inputs\.cluster \}\}; at least 2$/m);
    assert.match(text, /^ {2}go +appmgr\.upgrade on web; 1, 50% at a time; up to 2 tries, if inputs\.state == "on"$/m);
    assert.match(
      text,
      /^ {2}2 +for web, 2 at a time\n {4}in +says: x\n {4}on failure back +says: y\n {2}3 +the playbook other\.yaml$/m,
    );
    assert.match(text, /^At every end\n {2}end {2}asks: well\?$/m);
    assert.doesNotMatch(text, /\u001b/);
  });

  test('prints Markdown that cannot become markup', () => {
    const text = describePlaybookInMarkdown(source).join('\n');
    assert.match(text, /^# example\n\nShows a \\\| pipe \\<b\\>and\\<\/b\\>/);
    assert.match(text, /^\| `cluster` \| which one/m);
  });
});
