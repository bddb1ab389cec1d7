import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CommandResult, RunCommand } from '../../../src/core/ports.ts';
import { startService } from '../../../src/agents/service/agent.ts';
import type { ServiceConfig } from '../../../src/agents/service/config.ts';
import { doctorService } from '../../../src/agents/service/doctor.ts';
import { actionContext, agentSetup } from '../../support/agents/agent-setup.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';

const units = {
  'web.service': ['start', 'stop', 'restart', 'reload', 'enable', 'disable'],
  'falls-over.service': ['start'],
  'late.service': ['start', 'stop'],
  'looks.service': [],
  'gone.service': ['start'],
  'once.service': ['start', 'restart'],
  'waiting.service': ['start'],
  'unused.service': ['start'],
  'static.service': ['enable'],
} as const;
const config: ServiceConfig = {
  units: Object.fromEntries(Object.entries(units).map(([unit, actions]) => [unit, [...actions]])),
  sudo: false,
  wait: 20,
  settle: 0.3,
  journal_lines: 5,
};

describe('the agent “service”, on a Debian with systemd', () => {
  let root: DebianRoot;
  before(async () => {
    root = await startDebianRoot();
    const unit = (name: string, lines: string) =>
      `printf '[Service]\\n${lines}\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/${name}.service\n`;
    await root.shell(
      unit('web', 'ExecStart=/bin/sleep 1000\\nExecReload=/bin/touch /run/web-reloaded') +
        unit('falls-over', 'ExecStart=/bin/sh -c "echo no such database; sleep 0.1; exit 7"') +
        unit(
          'late',
          'Type=notify\\nNotifyAccess=all\\nExecStart=/bin/sh -c "sleep 0.6; systemd-notify --ready; sleep 1000"',
        ) +
        unit('looks', 'ExecStart=/bin/sleep 1000') +
        unit('once', 'Type=oneshot\\nExecStart=/bin/sh -c "echo x >>/run/once"') +
        unit('waiting', 'ExecStart=/bin/sleep 1000\\n[Unit]\\nConditionPathExists=/nowhere') +
        unit('unused', 'ExecStart=/bin/true\\n[Unit]\\nConditionPathExists=/nowhere') +
        `printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/etc/systemd/system/static.service\n` +
        unit('secret', 'ExecStart=/bin/sleep 1000') +
        'systemctl start systemd-journald; systemctl daemon-reload; systemctl enable waiting',
    );
  });
  after(() => root[Symbol.asyncDispose]());

  const argvs: string[] = [];
  const run: RunCommand = async (argv): Promise<CommandResult> => {
    argvs.push(argv.join(' '));
    const [file, ...args] = argv;
    const { code, out, err } = await root.run('env', 'LC_ALL=C', 'TZ=UTC', file, ...args);
    return { code, signal: null, stdout: out, stderr: err, truncated: false };
  };
  const call = async (
    action: string,
    service: string,
    overrides: object = {},
    changed: Partial<ServiceConfig> = {},
  ) => {
    const { handlers } = await startService(agentSetup({ ...config, ...changed }, { run }));
    const context = actionContext(overrides);
    const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Record<string, unknown>>;
    return { reply: await handler({ service }, context), said: context.said };
  };
  const changing = () => argvs.filter((argv) => !/systemctl show|journalctl/.test(argv));

  test('starts, restarts, reloads and stops a service, and reports its state, process and start', async () => {
    const { reply: started, said } = await call('start', 'web');
    assert.deepEqual(
      [started.service, started.state, started.detail, started.changed],
      ['web.service', 'active', 'running', true],
    );
    assert.match(String(started.since), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(Number((await root.shell('systemctl show --property MainPID --value web')).trim()), started.pid);
    assert.deepEqual(said.slice(0, 1), ['start web.service']);
    const { reply: restarted } = await call('restart', 'web.service');
    assert.notEqual(restarted.pid, started.pid);
    const { reply: reloaded } = await call('reload', 'web');
    assert.equal(reloaded.pid, restarted.pid);
    await root.shell('test -e /run/web-reloaded');
    const { reply: stopped } = await call('stop', 'web');
    assert.deepEqual([stopped.state, stopped.pid, stopped.changed], ['inactive', 0, true]);
  });

  test('changes nothing that already is as requested, and nothing in a dry run', async () => {
    argvs.length = 0;
    assert.equal((await call('stop', 'web')).reply.changed, false);
    assert.equal((await call('start', 'web', { dryRun: true })).reply.changed, true);
    assert.equal((await call('disable', 'web')).reply.changed, false);
    assert.deepEqual(changing(), []);
    assert.equal((await call('status', 'web')).reply.state, 'inactive');
  });

  test('enables a service, once, and disables it', async () => {
    assert.deepEqual(
      [(await call('enable', 'web')).reply.enabled, (await call('enable', 'web')).reply.changed],
      ['enabled', false],
    );
    await root.shell('systemctl is-enabled web');
    assert.equal((await call('disable', 'web')).reply.enabled, 'disabled');
  });

  test('waits for a service that starts slowly, and reports its state meanwhile', async () => {
    const { reply, said } = await call('start', 'late');
    assert.equal(reply.state, 'active');
    assert.ok(said.length >= 2, said.join('; '));
    await call('stop', 'late');
  });

  test('fails with the end of the journal when a service does not stay up', async () => {
    await assert.rejects(call('start', 'falls-over', {}, { settle: 5 }), {
      code: 'service-failed',
      message:
        /falls-over\.service did not stay up: it is failed \(failed, exit-code\)\nIts journal ends:\n(.*\n)*.*no such database/,
    });
  });

  test('is done with a program that runs once when it has ended, each time', async () => {
    for (const action of ['start', 'start', 'restart']) {
      const { reply } = await call(action, 'once');
      assert.deepEqual([reply.state, reply.changed], ['inactive', true]);
    }
    assert.equal(await root.shell('cat /run/once'), 'x\nx\nx\n');
  });

  test('fails at once where a condition keeps systemd from starting, and where a unit cannot be enabled', async () => {
    const message = /^systemd did not start waiting\.service: a condition of its file does not hold/;
    await assert.rejects(call('start', 'waiting'), { code: 'service-failed', message });
    // systemd forgets at once what became of a unit that no other one names.
    const forgotten = /^unused\.service is inactive \(dead\) right after its start: its program ended, or a condition/;
    await assert.rejects(call('start', 'unused'), { code: 'service-failed', message: forgotten });
    const refused = { code: 'service-failed', message: "static.service is static: it can't be enabled" };
    await assert.rejects(call('enable', 'static'), refused);
  });

  test('refuses services that are not on the list, and runs nothing for them', async () => {
    argvs.length = 0;
    await assert.rejects(call('status', 'secret'), {
      code: 'not-allowed',
      message: /secret\.service is not on this node's list/,
    });
    await assert.rejects(call('start', 'wev'), { code: 'not-allowed', hint: /web\.service/ });
    await assert.rejects(call('restart', 'looks'), { code: 'not-allowed', hint: 'only its status may be read' });
    await assert.rejects(call('stop', 'falls-over'), { code: 'not-allowed', hint: 'it allows start' });
    await assert.rejects(call('start', 'constructor'), { code: 'not-allowed' });
    await assert.rejects(call('start', '--help'), { code: 'not-allowed' });
    assert.deepEqual(argvs, []);
  });

  test('reports an unknown unit, and that a stopped service cannot be reloaded', async () => {
    await assert.rejects(call('start', 'gone'), { code: 'unknown-unit', message: /no unit gone\.service/ });
    await assert.rejects(call('reload', 'web'), { code: 'service-failed', message: /web\.service is inactive/ });
  });

  test('doctor checks each unit of the list', async () => {
    const findings = await doctorService({ config, run, signal: new AbortController().signal });
    const about = (unit: string) => findings.find(({ what }) => what.includes(unit));
    assert.equal(about('web.service')?.status, 'ok');
    assert.equal(about('gone.service')?.status, 'broken');
    const [none] = await doctorService({ config: { ...config, units: {} }, run, signal: new AbortController().signal });
    assert.equal(none?.status, 'warning');
  });
});
