import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { doctorAppmgr } from '../../../../src/agents/appmgr/doctor.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { appmgrConfig, release, testApplication } from '../../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../../support/agents/appmgr/appmgr.ts';
import type { RunCommand } from '../../../../src/core/ports.ts';

const { signal } = new AbortController();
/** A check of health that runs a command: it succeeds if `isHealthy`. */
const run = (isHealthy: boolean) =>
  (async () => ({ code: isHealthy ? 0 : 1, signal: null, stdout: '', stderr: '', truncated: false })) as RunCommand;

/** What doctor reports of these applications. */
async function look(applications: object, isHealthy = true): Promise<string[]> {
  const findings = await doctorAppmgr({ config: appmgrConfig({ applications }), run: run(isHealthy), signal });
  for (const { check } of findings) assert.equal(check, 'appmgr');
  return findings.map(({ status, what }) => `${status}: ${what}`);
}

describe('doctor on the applications of a node', () => {
  test('reports the release in service of each, and its health', async () => {
    const app = testApplication();
    app.publish('20', release('20'));
    const { root, artifacts } = app;
    const before = { root, artifacts };
    assert.deepEqual(await look({ app: before }), ['ok: “app” has no release in service yet']);
    const { upgrade } = await appmgrOn(app.config());
    await upgrade({ application: 'app', revision: '20' });
    const health = { command: ['check'] };
    const [healthy = '', unhealthy = ''] = [
      ...(await look({ app: { ...before, health } })),
      ...(await look({ app: { ...before, health } }, false)),
    ];
    assert.match(healthy, /^ok: “app” serves 20: /);
    assert.match(unhealthy, /^broken: “app” 20 is not healthy: /);
  });

  test('leaves out those that a command of the node deploys', async () => {
    assert.deepEqual(await look({ shop: { deploy: { command: ['/opt/put', '{revision}'] } } }), [
      'ok: “shop” is deployed by /opt/put',
    ]);
  });

  test('reports each directory and file that cannot be used, and checks the others nevertheless', async () => {
    const directory = temporaryDirectory();
    const [root, artifacts, key] = ['root', 'artifacts', 'key.pem'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(root);
    mkdirSync(artifacts);
    writeFileSync(key, '');
    const ok = 'ok: “app” has no release in service yet';
    const missing = (what: string, path: string) =>
      `broken: ${what} of “app”, ${path}, cannot be used: no such file or directory`;
    const gone = join(directory, 'gone');
    const url = 'https://example.org/{revision}.tar.gz';
    const cases: [object, string][] = [
      [{ root, artifacts }, ok],
      [{ root: gone, artifacts }, missing('the root', gone)],
      [{ root, artifacts: gone }, missing('the artifacts', gone)],
      [{ root, artifacts: `${gone}/{revision}.tar` }, missing('the artifacts', gone)],
      [{ root, artifacts: `${artifacts}/{revision}.tar` }, ok],
      [{ root, artifacts: `${gone}/{revision}/a.tar` }, ok],
      [{ root, artifacts: 'published' }, ok],
      [{ root, artifacts: url }, ok],
      [{ root, artifacts: url, download: { ca: gone } }, missing('the CA of the artifacts', gone)],
      [{ root, artifacts: url, download: { ca: key } }, ok],
      [{ root, artifacts, signers: [key, gone] }, missing('a signer’s key', gone)],
      [{ root, artifacts: 'published', signers: [gone] }, missing('a signer’s key', gone)],
    ];
    for (const [app, finding] of cases) assert.deepEqual(await look({ app }), [finding]);
    rmSync(root, { recursive: true });
    const both = await look({ app: { root, artifacts }, shop: { deploy: { command: ['put'] } } });
    assert.deepEqual(both, [missing('the root', root), 'ok: “shop” is deployed by put']);
  });
});
