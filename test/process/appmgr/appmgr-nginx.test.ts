import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAppmgr } from '../../../src/agents/appmgr/agent.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { testApplication } from '../../support/agents/appmgr/application.ts';
import { freePort } from '../../support/free-port.ts';

/** An nginx that serves what `current` points to, by a configuration that each release brings along. */
async function startNginx(root: string, port: number) {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'tmp'));
  const file = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/tmp;`,
  );
  writeFileSync(
    file,
    `daemon off; worker_processes 1; user root; pid ${directory}/pid; error_log ${directory}/error.log;
events { worker_connections 64; }
http { access_log off; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; root ${root}/current; include ${root}/current/site.con[f]; } }\n`,
  );
  const command = ['nginx', '-p', directory, '-e', `${directory}/error.log`, '-c', file];
  const [program = '', ...args] = command;
  const running = spawn(program, args, { stdio: 'inherit' });
  const exited = once(running, 'exit');
  return {
    reload: [...command, '-s', 'reload'],
    stop: async () => {
      running.kill('SIGTERM');
      await exited;
    },
  };
}

async function get(port: number, path: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text();
    } catch (error) {
      if (attempt >= 100) throw error;
      await sleep(50);
    }
  }
}

describe('upgrade behind a real nginx', () => {
  test('serves the new release after the reload, without one failed request, and the old one after a bad release', async () => {
    const application = testApplication();
    chmodSync(application.root, 0o755);
    const port = await freePort();
    const site = (revision: string, status: number) => [
      { path: 'index.html', content: `revision ${revision}\n` },
      { path: 'site.conf', content: `location = /health { return ${status} "says ${revision}\\n"; }\n` },
    ];
    application.publish('10', site('10', 200));
    application.publish('20', site('20', 200));
    application.publish('30', site('30', 503));
    const nginx = await startNginx(application.root, port);
    await get(port, '/');
    const upgrade = async (revision: string, timeout = 60) => {
      const health = { url: `http://127.0.0.1:${port}/health`, timeout, body: 'says {revision}' };
      const { handlers } = await startAppmgr(agentSetup(application.config({ reload: nginx.reload, health })));
      const call = handlers.upgrade as unknown as (i: JsonObject, c: ActionContext) => Promise<JsonObject>;
      return await call({ revision }, actionContext());
    };
    try {
      await upgrade('10');
      let done = false;
      const load = (async () => {
        const seen = new Set<string>();
        while (!done) {
          const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
          assert.equal(answer.status, 200);
          seen.add((await answer.text()).trim());
        }
        return seen;
      })();
      await upgrade('20').finally(() => {
        done = true;
      });
      assert.ok((await load).has('revision 10'));
      assert.equal(await get(port, '/'), 'revision 20\n');
      await assert.rejects(upgrade('30', 5), {
        code: 'unhealthy-release',
        message: /status (503: “says 30”|200 without “says 30”: “says 20”); went back to 20$/,
      });
      assert.equal(await get(port, '/'), 'revision 20\n');
    } finally {
      await nginx.stop();
    }
  });
});
