import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const [file, ...before] = program;
/** The DDL of MCollective's package agent. */
const ruby = `metadata :name => "package", :description => "Manage packages", :author => "R.I.P", :license => "ASL2",
         :version => "4.0", :url => "http://example.net", :timeout => 180
requires :mcollective => "2.2.1"
action "status", :description => "Get the status of a package" do
  display :always
  input :package, :prompt => "Package", :description => "Package", :type => :string,
        :validation => :shellsafe, :optional => false, :maxlength => 90
  output :ensure, :description => "Version", :display_as => "Ensure"
  summarize do
    aggregate summary(:ensure)
  end
end
["install", "update"].each do |act|
  action act, :description => "#{act} a package" do
    input :package, :prompt => "Package", :description => "Package", :type => :string,
          :validation => '^[a-z]+$', :optional => false, :maxlength => 90
  end
end
`;

test('a DDL of MCollective becomes one that a daemon accepts, with marks to edit', async () => {
  const directory = temporaryDirectory();
  await writeFile(join(directory, 'theirs.ddl'), ruby);
  const words = ['agent', 'import', 'theirs.ddl'];
  const { code, out, err } = await runProgram(file, [...before, ...words], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? '', HOME: directory },
  });
  assert.deepEqual([code, err], [0, ''], err);
  assert.match(out, /wrote package\.json and package\.site\.json/);
  const ddl = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  assert.deepEqual(
    ddl.actions.map(({ action }: { action: string }) => action),
    ['status', 'install', 'update'],
  );
  assert.deepEqual(ddl.actions[0].aggregate, [{ function: 'summary', args: ['ensure'] }]);
  assert.equal(ddl.actions[0].input.package.validation, 'shellsafe');
  const site = JSON.parse(await readFile(join(directory, 'package.site.json'), 'utf8'));
  assert.deepEqual(site.actions.install, { kind: 'change', repeatable: false });
});
