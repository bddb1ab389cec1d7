import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findSame } from '../../../../../src/client/commands/resume/same-playbook.ts';
import { loadForResume } from '../../../../../src/client/scripts/resume-script.ts';
import type { Session } from '../../../../../src/client/fleet/session.ts';
import { readPlaybook } from '../../../../../src/library/runs/find-playbook.ts';
import { compilePlaybook } from '../../../../../src/playbook/compile/load.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { digestPlaybook } from '../../../../../src/playbook/source/digest.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { quietContext } from '../../../../support/program/quiet-context.ts';
import { found, stamp, started } from '../../../../support/runs/resumed-run.ts';

describe('the playbook of a run that another host started', () => {
  const text = 'name: talk\nsteps:\n  - {id: one, say: hello}\n';
  const others = text.replace('hello', 'farewell');
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'same.yaml'), text);
  writeFileSync(join(directory, 'other.yaml'), others);
  writeFileSync(join(directory, 'calls.yaml'), `${text}  - {id: two, call: unknown.go}\n`);
  const find = async (
    playbook?: string,
    { isElsewhere = true, host = '', file = 'gone.yaml', origin = '', stored = text, session = {} } = {},
  ) => {
    const digest = digestPlaybook(compilePlaybook(await readPlaybook(join(directory, 'same.yaml')), []));
    const tree = { name: 'say.yaml', text: stored, used: {} };
    const process = { ...stamp, type: 'process', host } as unknown as JournalEntry;
    const entries = [
      ...(host === '' ? [] : [process]),
      ...(stored === '' ? [] : [{ ...stamp, type: 'playbook', tree }]),
    ];
    const journal = { ...found(entries as JournalEntry[]), isElsewhere };
    const from = origin === '' ? {} : { origin: join(directory, origin) };
    const begun = { ...started, ...from, file: join(directory, file), digest };
    const look = { session, catalogue: [], options: { playbook }, context: {} };
    return (await findSame(journal, begun, look as unknown as Parameters<typeof findSame>[2])).playbook.name;
  };

  test('comes from its journal if its file is not here, and only from the file that --playbook names', async () => {
    assert.equal(await find(), 'talk');
    assert.equal(await find(join(directory, 'same.yaml')), 'talk');
    await assert.rejects(find(join(directory, 'other.yaml')), {
      code: 'playbook-changed',
      message: /other\.yaml has changed since the run started/,
    });
  });

  test('is not read from the journal of a run of this host, and its file must not have changed', async () => {
    assert.equal(await find(undefined, { isElsewhere: false, file: 'same.yaml' }), 'talk');
    assert.equal(await find(undefined, { isElsewhere: false, origin: 'same.yaml' }), 'talk');
    assert.equal(await find(undefined, { isElsewhere: false, host: `not-${hostname()}` }), 'talk');
    for (const host of ['', hostname()]) {
      await assert.rejects(find(undefined, { isElsewhere: false, host }), {
        message: /gone\.yaml/,
        hint: /^(?!name the playbook of the run)/,
      });
      await assert.rejects(find(undefined, { isElsewhere: false, host, file: 'other.yaml' }), {
        code: 'playbook-changed',
        hint: 'restore the old one, or start a new run: it does not repeat what is done',
      });
    }
    assert.equal(await find(undefined, { file: 'other.yaml' }), 'talk', 'that of the journal is the same');
  });

  test('is to be named if neither its file nor its journal has it', async () => {
    for (const stored of ['', others]) {
      await assert.rejects(find(undefined, { stored }), {
        message: /gone\.yaml/,
        hint: 'name the playbook of the run with --playbook FILE',
      });
      await assert.rejects(find(undefined, { stored, file: 'other.yaml' }), { code: 'playbook-changed' });
    }
    await assert.rejects(find(join(directory, 'gone.yaml')), {
      hint: 'name the playbook of the run with --playbook FILE',
    });
  });

  test('is not looked for in the journal after a fault of the program itself', async () => {
    const fault = new TypeError('a fault');
    const session = { find: () => Promise.reject(fault) };
    await assert.rejects(find(undefined, { file: 'calls.yaml', session }), fault);
  });
});

test('the playbook of a run of a script is made from the script again, with the inputs of the run', async () => {
  const script = join(temporaryDirectory(), 'greet.mc');
  writeFileSync(script, 'notify { $who: }\n');
  const session = { caller: { credentials: { identity: { name: 'rip' } } } } as unknown as Session;
  const look = { session, catalogue: [], options: {}, context: quietContext().context };
  const inputs = { who: 'eve' };
  const before = await loadForResume({ name: script, inputs, options: {} }, session, [], look.context);
  const begun = { ...started, origin: script, digest: digestPlaybook(before.playbook) };
  assert.equal((await findSame(found([]), { ...begun, inputs }, look)).playbook.name, 'greet');
  await assert.rejects(findSame(found([]), begun, look), { message: /greet\.mc:1:10: .* not undef/ });
  writeFileSync(script, 'notify { [$who, bye]: }\n');
  await assert.rejects(findSame(found([]), { ...begun, inputs }, look), { code: 'playbook-changed' });
});
