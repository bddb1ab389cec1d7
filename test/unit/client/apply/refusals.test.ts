import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { configDdl } from '../../../../src/agents/config/ddl.ts';
import { exitCode } from '../../../../src/client/cli/context.ts';
import { runApply } from '../../../../src/client/commands/apply/apply.ts';
import type { ApplyOptions } from '../../../../src/client/commands/apply/options.ts';
import { nodeParts } from '../../../../src/command-line.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { fleetOf, shopFleet } from '../../../support/program/fleet-file.ts';
import { makeHome } from '../../../support/program/home.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

describe('the hosts of a fleet are not looked at', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  /** Applies the fleet over ssh, by a program that does not exist. */
  async function apply(operator: string, more: Partial<ApplyOptions>) {
    const home = await makeHome(join(fleet.dir, operator), await fleet.operator(operator), []);
    const { context, err } = quietContext({ HOME: home });
    const options = { wait: 1, parallel: 4, ssh: true, binary: '/no/program', ...more } as unknown as ApplyOptions;
    const { file } = await fleetOf(shopFleet);
    const code = await runApply(file, options, { load: nodeParts, own: '/no/program', configDdl }, context);
    return { code, err: err.join('\n') };
  }

  test('if others are named, or fleet.yaml has none of that name', async () => {
    await assert.rejects(apply('rip@devco.net', { host: ['lb1.devco.net', 'web9.devco.net'] }), {
      code: 'usage',
      message: 'fleet.yaml has no host “web9.devco.net”',
    });
    const { err } = await apply('rip@devco.net', { host: ['web2.devco.net'] });
    assert.match(err, /^web2\.devco\.net: /);
    assert.match(err, /nothing was changed: 1 host could not be checked/);
  });

  test('if the policies would lock the operator out of one of them, unless forced', async () => {
    const refused = apply('joe@devco.net', {});
    await assert.rejects(refused, { code: 'locks-out', message: /^this would lock you out of lb1\.devco\.net: / });
    const forced = await apply('joe@devco.net', { force: true });
    assert.equal(forced.code, exitCode.someFailed);
    assert.match(forced.err, /nothing was changed: 4 hosts could not be checked/);
  });
});
