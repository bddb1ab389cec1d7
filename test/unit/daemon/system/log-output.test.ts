import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openLogOutput } from '../../../../src/daemon/system/log-output.ts';

describe('the output of a log', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync('/dev/shm/mco-log-');
  });
  after(() => rmSync(directory, { recursive: true }));

  test('keeps a limited part for a reader that stalls, and reports how much was dropped once it reads again', async () => {
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const { write } = openLogOutput(reader, (count) => `dropped ${count}\n`);
    const line = `${'x'.repeat(999)}\n`;
    for (let count = 0; count < 5000; count++) write(line);
    let text = '';
    const readAll = async () => {
      for (const bytes = Buffer.alloc(65_536); ; ) {
        try {
          text += bytes.toString('latin1', 0, readSync(reader, bytes));
        } catch {
          return;
        }
      }
    };
    // Waiting lines are tried again ten times a second.
    for (let before = -1; text.length > before; ) {
      before = text.length;
      await readAll();
      await delay(110);
      await readAll();
    }
    const kept = text.length / line.length;
    assert.ok(kept > 1000 && kept < 1300, `${kept} lines`);
    assert.ok(
      text.split('\n').every((one) => one === '' || one.length === 999),
      'no line is torn',
    );
    text = '';
    write('again\n');
    await readAll();
    assert.equal(text, `dropped ${5000 - kept}\nagain\n`);
    closeSync(reader);
  });

  test('has room again for as much as a slow reader has taken', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const path = join(directory, 'slow');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const { write } = openLogOutput(reader, (count) => `dropped ${count}\n`);
    const line = `${'x'.repeat(999)}\n`;
    for (let count = 0; count < 1500; count++) write(line);
    const bytes = Buffer.alloc(65_536);
    let text = '';
    const take = () => {
      text += bytes.toString('latin1', 0, readSync(reader, bytes));
      t.mock.timers.tick(100);
    };
    take();
    take();
    write('room\n');
    for (let before = -1; text.length > before; ) {
      before = text.length;
      try {
        take();
      } catch {
        // Nothing is left.
      }
    }
    assert.ok(text.endsWith('\nroom\n'), text.slice(-20));
    closeSync(reader);
  });

  test('reports to the next reader what was written when there was none', () => {
    const path = join(directory, 'gone');
    execFileSync('mkfifo', [path]);
    const open = () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const first = open();
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const { write } = openLogOutput(writer, (count) => `dropped ${count}\n`);
    const bytes = Buffer.alloc(1000);
    write('one\n');
    assert.equal(bytes.toString('latin1', 0, readSync(first, bytes)), 'one\n');
    closeSync(first);
    for (const line of ['two\n', 'three\n']) write(line);
    const next = open();
    write('four\n');
    assert.equal(bytes.toString('latin1', 0, readSync(next, bytes)), 'dropped 2\nfour\n');
    for (const descriptor of [next, writer]) closeSync(descriptor);
  });

  test('throws nothing on a full disk or a closed descriptor', () => {
    const full = openSync('/dev/full', 'w');
    const { write } = openLogOutput(full, (count) => `dropped ${count}\n`);
    for (let count = 0; count < 3; count++) write('line\n');
    closeSync(full);
    openLogOutput(full, () => '').write('line\n');
  });

  test('keeps the order of lines in a file', () => {
    const path = join(directory, 'file');
    const file = openSync(path, 'w');
    const { write } = openLogOutput(file, () => '');
    for (let count = 0; count < 100; count++) write(`${count}\n`);
    closeSync(file);
    assert.equal(readFileSync(path, 'utf8'), Array.from({ length: 100 }, (_, count) => `${count}\n`).join(''));
  });
});
