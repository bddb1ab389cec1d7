import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectManual } from '../../../build/system/project-manual.ts';

test('the manual page shows examples of each command, those of the most used together, and further reading', async () => {
  const manual = await projectManual('0.2.0', 1_800_000_000);
  const section = (name: string) => manual.split(`.SH ${name}\n`)[1]?.split('\n.SH ')[0] ?? '';
  assert.match(section('EXAMPLES'), /^mco\\-deploy upgrade \\-\\-cluster bravo \\-\\-rev 20 /m);
  assert.match(section('"SEE ALSO"'), /haproxy\(1\).*systemd\.unit\(5\)/);
  const commands = section('COMMANDS').split('\n.SS ').slice(1);
  assert.ok(commands.length > 40);
  for (const command of commands)
    assert.match(command, /^"mco\\-deploy [\s\S]*\.nf\nmco\\-deploy .+\n[\s\S]*\.fi/, command);
});
