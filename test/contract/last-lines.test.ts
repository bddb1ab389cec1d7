import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../src/core/errors.ts';
import { bindInputs } from '../../src/playbook/inputs/inputs.ts';
import { formatEvent } from '../../src/playbook/events/format.ts';
import { readHistory, resumeFrom } from '../../src/playbook/journal/history.ts';
import { runPlaybook } from '../../src/playbook/run/run-playbook.ts';
import { shippedScripts } from '../../src/playbooks.ts';
import { applyColors, paintFor } from '../../src/client/render/color.ts';
import { paintRun } from '../../src/client/render/run/run-colors.ts';
import { bravo, createEstate, type Estate, type EstateOptions } from '../support/fleet/estate.ts';
import { loadShipped } from '../support/fleet/shipped.ts';
import { runText } from '../support/puppet/run-script.ts';

const reason = 'revision 30 answers HTTP 500';
/** The lines in the required order. */
const wanted = [
  /failed: .*upgrade|failed: .*rollback/i,
  /^ {2}on .*revision 30 answers HTTP 500/,
  /^ {2}out of traffic: /,
  /^ {2}untouched: /,
];

/** The lines of a run that a person sees without -v. */
function shown({ fabric }: Estate, from = 0): string[] {
  return fabric.events.slice(from).flatMap((event) => formatEvent(event, 'short'));
}

async function play(playbook: string, inputs: Record<string, unknown>, options: EstateOptions = {}) {
  const estate = createEstate(options);
  const loaded = await loadShipped(playbook);
  const given = bindInputs(loaded, { cluster: 'bravo', notify: false, ...inputs });
  await runPlaybook(loaded, given, estate.fabric.ports, {});
  return { estate, loaded, given };
}

function assertEnds(lines: readonly string[]): void {
  const text = lines.join('\n');
  assert.equal(text.split(reason).length, 2, `the reason stands there once:\n${text}`);
  const places = wanted.map((pattern) => lines.findIndex((line) => pattern.test(line)));
  assert.ok(!places.includes(-1), `${places.join(' ')}:\n${text}`);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    text,
  );
  assert.match(lines.at(-1) ?? '', /^to continue: mco-deploy resume [0-9a-f]{32}$/);
}

describe('the last lines of a run that failed: what, where, why once, out of traffic, untouched, the next command', () => {
  for (const [playbook, inputs] of [
    ['app_cluster_upgrade', { revision: '30' }],
    ['app_rolling_upgrade', { revision: '30' }],
    ['app_canary_upgrade', { revision: '30' }],
    ['rollback', { targets: ['dev2', 'dev4', 'dev6', 'dev8'].map((name) => `${name}.devco.net=30`), batch: '2' }],
  ] as const) {
    test(playbook, async () => {
      assertEnds(shown((await play(playbook, inputs)).estate));
    });
  }

  for (const playbook of ['app_cluster_upgrade', 'app_rolling_upgrade', 'app_canary_upgrade']) {
    test(`${playbook} without the release is followed by its publication, not by the same command`, async () => {
      const lines = shown((await play(playbook, { revision: '31' }, { publishes: true })).estate);
      assert.match(lines.join('\n'), /revision 31 is not on .*dev2\.devco\.net/);
      assert.equal(lines.at(-1), 'to publish it: mco-deploy publish app 31 FILE');
      const others = shown((await play(playbook, { revision: '31' })).estate);
      assert.match(
        others.at(-1) ?? '',
        /^to see where it is looked for: mco-deploy rpc appmgr upgrade application=app revision=31 --dry-run -I dev\d\.devco\.net$/,
        'nobody can publish to nodes without the agent',
      );
    });
  }

  test('an application that no server has is followed by the list of those there are, not by the same command', async () => {
    const troubles = bravo.map((node) => {
      return { node, call: 'appmgr.status', kind: 'failed', code: 'unknown-application' } as const;
    });
    const { estate } = await play('app_cluster_upgrade', { revision: '30', application: 'shp' }, { troubles });
    const lines = shown(estate);
    assert.match(lines.join('\n'), /unknown-application/);
    assert.equal(lines.at(-1), 'to list the applications of each node: mco-deploy rpc appmgr status');
  });

  test('end a run that is resumed and fails again', async () => {
    const { estate, loaded, given } = await play('app_cluster_upgrade', { revision: '30' });
    const from = estate.fabric.events.length;
    const [{ runId } = { runId: '' }] = estate.fabric.journal;
    await runPlaybook(loaded, given, estate.fabric.ports, {
      runId,
      resumed: resumeFrom(readHistory(estate.fabric.journal)),
    });
    assertEnds(shown(estate, from));
  });

  test('say of a run that is resumed and cannot begin what it left before', async () => {
    const { estate, loaded, given } = await play('app_cluster_upgrade', { revision: '30' });
    const from = estate.fabric.events.length;
    const [{ runId } = { runId: '' }] = estate.fabric.journal;
    const takeLease = async () => {
      throw new Problem('lease-held', 'lb1.devco.net: another run holds the lease');
    };
    await runPlaybook(
      loaded,
      given,
      { ...estate.fabric.ports, takeLease },
      { runId, resumed: resumeFrom(readHistory(estate.fabric.journal)) },
    );
    assert.deepEqual(shown(estate, from).slice(1), [
      '  reason: lb1.devco.net: another run holds the lease (lease-held)',
      '  out of traffic: dev2.devco.net, dev4.devco.net, dev6.devco.net, dev8.devco.net of app on lb1.devco.net',
      '  untouched: dev6.devco.net, dev8.devco.net',
      `to continue: mco-deploy resume ${runId}`,
    ]);
  });

  test('begin with the renewal of a certificate that has expired: no command succeeds before', async () => {
    const estate = createEstate();
    const loaded = await loadShipped('app_cluster_upgrade');
    const given = bindInputs(loaded, { cluster: 'bravo', notify: false, revision: '30' });
    const beforeNext = () => '“mco-deploy ca renew rip” where the CA is';
    await runPlaybook(loaded, given, { ...estate.fabric.ports, beforeNext }, {});
    assert.match(
      shown(estate).at(-1) ?? '',
      /^to continue, after “mco-deploy ca renew rip” where the CA is: mco-deploy resume [0-9a-f]{32}$/,
    );
  });

  test('end a script in the Puppet DSL', async () => {
    const script = shippedScripts.app_cluster_upgrade ?? '';
    const inputs = { backend: 'app', cluster: 'bravo', revision: '30' };
    const { err } = await runText(script, inputs, createEstate().fabric, { detail: 'short' });
    // Why a try is followed by another is said when that happens.
    assertEnds(err.filter((line) => !/: try \d+ of \d+ failed/.test(line)));
    const { err: whole } = await runText(script, inputs, createEstate().fabric, { detail: 'full' });
    assert.ok(whole.length > err.length, 'the rest is shown with -v');
  });

  test('are coloured if colours are on', async () => {
    const { estate } = await play('app_cluster_upgrade', { revision: '30' });
    const paint = paintFor({ colors: true });
    const lines = estate.fabric.events
      .flatMap((event) => paintRun(event, formatEvent(event, 'short'), paint))
      .map((line) => applyColors(line, true));
    assert.ok(lines.some((line) => line.startsWith('\x1b[31mFailed in update:')));
    assert.ok(lines.some((line) => line.startsWith('\x1b[33m  out of traffic: dev2')));
    assert.match(lines.at(-1) ?? '', /^\x1b\[1mto continue: mco-deploy resume/);
  });
});
