import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appmgrDdl } from '../../../../src/agents/appmgr/ddl.ts';
import { validatorOf } from '../../../../src/core/ddl/validators.ts';
import { appmgrConfig } from '../../../support/agents/appmgr/application.ts';

const paths = { root: '/srv/app', artifacts: '/srv/artifacts' };

describe('the configuration of appmgr', () => {
  test('has its defaults filled in', () => {
    const { app } = appmgrConfig({
      applications: { app: { ...paths, health: { url: 'http://127.0.0.1/' } } },
    }).applications;
    assert.equal(app?.keep, 5);
    assert.equal(app?.on_failure, 'return');
    assert.equal(app?.health?.timeout, 10);
  });

  const wrong: [string, object][] = [
    ['a relative root', { ...paths, root: 'srv' }],
    ['an empty argv', { ...paths, reload: [] }],
    ['a reload that is a shell line', { ...paths, reload: 'nginx -s reload' }],
    ['a health check of another scheme', { ...paths, health: { url: 'file:///etc/passwd' } }],
    ['keeping fewer releases than two', { ...paths, keep: 1 }],
    ['neither artifacts nor a deploy command', { root: '/srv/app' }],
    ['artifacts without a root', { artifacts: '/srv/artifacts' }],
    ['artifacts over plain http', { ...paths, artifacts: 'http://x/app-{revision}.tar.gz' }],
    ['artifacts at a URL that does not name the revision', { ...paths, artifacts: 'https://x/app.tar.gz' }],
    ['artifacts at a host that a caller would choose', { ...paths, artifacts: 'https://{revision}/app.tar.gz' }],
    ['a shared path that climbs out', { ...paths, shared: ['../x'] }],
    ['a shared path that climbs out later', { ...paths, shared: ['a/../../x'] }],
    ['an absolute shared path', { ...paths, shared: ['/etc'] }],
    ['a unit that could be an option', { ...paths, service: { unit: '--force' } }],
    ['a service of neither kind', { ...paths, service: { signal: 'HUP' } }],
    ['health of two kinds', { ...paths, health: { tcp: 'x:1', command: ['true'] } }],
    ['health of no kind', { ...paths, health: { timeout: 1 } }],
    ['a deploy command that is a shell line', { deploy: { command: 'deploy {revision}' } }],
    ['an unknown key', { ...paths, relaod: ['x'] }],
  ];
  for (const [what, application] of wrong) {
    test(`refuses ${what}`, () =>
      assert.throws(() => appmgrConfig({ applications: { app: application } }), /"keyword":/));
  }

  test('refuses an application whose name could be a path', () => {
    for (const name of ['../x', '.x', '-x', 'a/b', '']) {
      assert.throws(() => appmgrConfig({ applications: { [name]: paths } }), name);
    }
  });
});

describe('the DDL of appmgr', () => {
  const validate = validatorOf('agent/appmgr/upgrade/input', appmgrDdl.actions.upgrade.input);

  test('accepts common revision names', () => {
    for (const revision of ['20', '1.10', 'v1.2.3-rc.1+build5', '2026-01-31_2', '1.0~beta']) {
      assert.ok(validate({ revision }), revision);
    }
  });

  test('refuses an invalid revision', () => {
    const wrong = [
      '',
      '../x',
      '..',
      '.x',
      '-x',
      'a/b',
      'a\nb',
      'a\n',
      'a\0b',
      'a b',
      '$(id)',
      'a;b',
      "a'b",
      'ä',
      'x'.repeat(129),
    ];
    for (const revision of [...wrong, 20, null, ['20']]) {
      assert.equal(validate({ revision }), false, JSON.stringify(revision));
    }
    assert.equal(validate({}), false);
    assert.equal(validate({ revision: '20', application: '../x' }), false);
    assert.equal(validate({ revision: '20', root: '/' }), false);
  });
});
