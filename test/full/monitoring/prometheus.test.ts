import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { allowRip, startTestNode } from '../../support/node/node.ts';
import { runProgram } from '../../support/program/run-program.ts';

const examples = join(import.meta.dirname, '../../../examples/monitoring');
const rules = join(examples, 'mco-deploy.rules.yaml');

/** The expressions of the dashboard's panels, as Grafana would fill in its variables. */
async function dashboardExpressions(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(join(examples, 'grafana-dashboard.json'), 'utf8'));
  const targets = panels.flatMap(({ targets: found }: { targets: { expr: string }[] }) => found);
  return targets.map(({ expr }: { expr: string }) =>
    expr.replaceAll('$job', 'mco-deploy').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'),
  );
}

describe('the shipped alert rules', () => {
  test('are valid for promtool', async () => {
    const { code, out, err } = await runProgram('promtool', ['check', 'rules', rules]);
    assert.equal(code, 0, out + err);
    assert.match(out, /SUCCESS: 9 rules found/);
  });

  test('fire only for what they describe, by promtool’s own unit tests', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mco-rules-'));
    const series = (name: string, values: string) => ({ series: `${name}{job="mco-deploy",instance="dev1"}`, values });
    const alert = (alertname: string, minute: number, fires: boolean) => ({
      eval_time: `${minute}m`,
      alertname,
      // promtool compares labels and annotations of what fires: here it is enough that something does.
      exp_alerts: fires ? [{}] : [],
    });
    try {
      const quiet = [
        series('up', '1x120'),
        series('mco_deploy_warnings', '0x120'),
        series('mco_deploy_audit_failures_total', '3x120'),
      ];
      const file = join(directory, 'test.yaml');
      const alerts = ['McoDeployDown', 'McoDeployWarns', 'McoDeployAuditFails', 'McoDeployStrangers'];
      const tests = [
        { interval: '1m', input_series: quiet, alert_rule_test: alerts.map((name) => alert(name, 90, false)) },
      ];
      await writeFile(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
      const { code, out, err } = await runProgram('promtool', ['test', 'rules', file]);
      assert.equal(code, 0, out + err);
      for (const [name, metric, values, minute] of [
        ['McoDeployDown', 'up', '0x10', 5],
        ['McoDeployWarns', 'mco_deploy_warnings', '2x90', 80],
        ['McoDeployAuditFails', 'mco_deploy_audit_failures_total', '0 0 0 1 1 1', 5],
        ['McoDeployAuditSpoolFull', 'mco_deploy_audit_spool_full', '1x10', 5],
        ['McoDeployStrangers', 'mco_deploy_strangers_total', '0+120x40', 30],
        ['McoDeployRefusesMany', 'mco_deploy_requests_filtered_total', '0+120x40', 30],
      ] as const) {
        const one = {
          interval: '1m',
          input_series: [series(metric, values)],
          alert_rule_test: [alert(name, minute, true)],
        };
        await writeFile(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests: [one] }));
        const fired = await runProgram('promtool', ['test', 'rules', file]);
        // It fires with labels and annotations of its own, which promtool prints as what it got.
        assert.match(fired.out + fired.err, new RegExp(`got:\\[[^]*alertname="${name}"[^]*action`), name);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('Prometheus of Debian', () => {
  test('scrapes a node by TLS with its token, and returns data for every panel of the dashboard and every rule', async () => {
    await using fleet = await makeFleet();
    const directory = await mkdtemp(join(tmpdir(), 'mco-prometheus-'));
    const [metrics, port] = [await freePort(), await freePort()];
    const token = join(directory, 'token');
    await writeFile(token, 'open-sesame');
    const config = `metrics: { port: ${metrics}, address: 0.0.0.0, token_file: ${token} }`;
    // Nothing listens there: the metrics of receivers are what this is about.
    const audit = { ship: { siem: { syslog: { host: '127.0.0.1', port: await freePort() } } } };
    await using node = await startTestNode(fleet, { audit, config, policies: { default: allowRip } });
    const rip = await fleet.operator('rip@devco.net');
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    const job = {
      job_name: 'mco-deploy',
      scheme: 'https',
      scrape_interval: '1s',
      authorization: { credentials_file: token },
      tls_config: { ca_file: rip.files.ca, server_name: node.name },
      static_configs: [{ targets: [`127.0.0.1:${metrics}`] }],
    };
    await writeFile(join(directory, 'prometheus.yml'), JSON.stringify({ scrape_configs: [job], rule_files: [rules] }));
    const words = [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`];
    const server = spawn('prometheus', [...words, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const ended = once(server, 'close');
    const query = async (expr: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`);
      return (await answer.json()) as { status: string; data: { result: { value: [number, string] }[] } };
    };
    try {
      await eventually(async () => {
        assert.equal((await query('up{job="mco-deploy"}')).data.result[0]?.value[1], '1');
        assert.equal((await query('mco_deploy_requests_passed_total')).data.result[0]?.value[1], '1');
      });
      const expressions = await dashboardExpressions();
      assert.equal(expressions.length, 11);
      for (const expr of expressions) assert.equal((await query(expr)).status, 'success', expr);
      // The node offers every metric of the panels.
      for (const name of new Set(expressions.flatMap((expr) => expr.match(/\b(mco_deploy|process)_[a-z_]+/g) ?? [])))
        await eventually(async () => assert.ok((await query(`{__name__="${name}"}`)).data.result.length > 0, name));
    } finally {
      server.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true });
    }
  });
});
