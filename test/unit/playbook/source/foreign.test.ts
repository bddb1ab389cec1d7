import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recogniseForeign } from '../../../../src/playbook/source/foreign.ts';

describe('files of other tools', () => {
  const files: [string, string][] = [
    ['- import_playbook: site.yml\n', 'an Ansible playbook'],
    ['---\n- hosts: all\n  vars:\n    a: !vault |\n      $ANSIBLE_VAULT\n  roles: [web]\n', 'an Ansible playbook'],
    ['- name: restart\n  ansible.builtin.service: { name: httpd }\n', 'a file of Ansible tasks'],
    ['all:\n  hosts:\n    web1: {}\n', 'an Ansible inventory'],
    ['service: shop\nimage: a/b\n', 'a Kamal deploy.yml'],
    ['servers: [a]\nproxy: { ssl: true }\n', 'a Kamal deploy.yml'],
    ['name: x\nuses: { a: ">=1" }\ntasks:\n  - mcollective: {}\n', 'a Choria playbook'],
    ['steps:\n  - targets: all\n    command: uptime\n', 'a Bolt plan'],
    ['on: push\njobs:\n  a: {}\n', 'a workflow of GitHub Actions'],
    ['plan deploy::app(\n  String $cluster\n) {\n}\n', 'a plan in the Puppet language'],
  ];
  for (const [text, what] of files) test(what, () => assert.equal(recogniseForeign(text)?.what, what));

  test('exclude any other file', () => {
    for (const text of [
      'name: x\nsteps: []\ntasks: []\n',
      'jobs: 7\n',
      'name: x\nsteps: []\n',
      'a: b\n',
      'hello',
      ': {',
      '',
    ]) {
      assert.equal(recogniseForeign(text), undefined, text);
    }
  });
});
