import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { fileKinds } from '../../../../src/core/node-files/kinds.ts';
import { decodeReply, encodeMessage } from '../../../../src/core/node-files/message.ts';
import { serveHelper } from '../../../../src/daemon/config-helper/serve.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { makeHelperNode } from '../../../support/node/helper.ts';
import { isProblem } from '../../../support/thrown.ts';

let fleet: Fleet;
before(async () => {
  fleet = await makeFleet();
});
after(() => fleet.remove());

describe('a run of the helper', () => {
  test('answers a line whose sender stays connected, and logs why it refuses it', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const logged: string[] = [];
    const served = serveHelper(temporaryDirectory(), agents, { input, output, log: (line) => logged.push(line) });
    input.write('{}\n');
    const reply = await text(output);
    assert.throws(() => decodeReply(reply), isProblem('malformed-message'));
    await served;
    assert.match(logged.join(), /^refused: malformed-message: /);
  });

  test('ends in order if nobody is there for its reply, or not for long', async () => {
    const input = new PassThrough().end('{}\n');
    const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    await serveHelper(temporaryDirectory(), agents, { input, output, log: () => {} });
    assert.equal(output.destroyed, true);
    const later = new Writable({ write: (_chunk, _encoding, done) => done(), autoDestroy: false });
    await serveHelper(temporaryDirectory(), agents, {
      input: new PassThrough().end('{}\n'),
      output: later,
      log: () => {},
    });
    // While it waits for a confirmation.
    later.emit('error', new Error('ECONNRESET'));
  });

  test('logs a restart that fails, and waits for the confirmation nevertheless', async () => {
    const rip = await fleet.operator('rip@devco.net');
    const node = await makeHelperNode(fleet, { 'rip@devco.net': fileKinds });
    const helper = `restart: ['false']\nrights: ${JSON.stringify({ 'rip@devco.net': fileKinds })}\n`;
    writeFileSync(join(node.directory, 'helper.yaml'), helper);
    const content = `${await node.read('node.yaml')}# changed\n`;
    const signed = await node.order(rip, [{ kind: 'settings', name: 'node.yaml', content }]);
    const input = new PassThrough().end(encodeMessage({ type: 'request', signed, instance: 'test' }));
    const output = new PassThrough();
    const failed = Promise.withResolvers<void>();
    const logged: string[] = [];
    const log = (line: string) => {
      logged.push(line);
      if (line.startsWith('the restart failed')) failed.resolve();
    };
    const served = serveHelper(node.directory, agents, { input, output, log });
    const { change, effect } = decodeReply(await text(output));
    assert.equal(effect, 'restart');
    await Promise.race([failed.promise, served]);
    assert.deepEqual(
      logged.map((line) => line.replace(/: .*/s, '')),
      [`the change ${change} waits to be confirmed`, 'the restart failed'],
    );
    assert.deepEqual(await node.send(await node.confirm(rip, change)), { change, confirmed: true });
    await served;
  });
});
