import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import type { CliContext } from '../../../../src/client/cli/context.ts';
import { defineProgram, optionsOf } from '../../../../src/client/cli/program.ts';
import { commands } from '../../../../src/client/commands/index.ts';
import { translateSelect } from '../../../../src/client/habits/select.ts';
import { translate } from '../../../../src/client/habits/translate.ts';
import { nodeParts } from '../../../../src/command-line.ts';
import { namesOf } from '../../../../src/core/ddl/ddl.ts';

const catalogue = agents.map(({ ddl }) => ddl);
const cli = { version: '1', commands: commands(catalogue, nodeParts) };
const program = defineProgram(cli, { out: () => {}, err: () => {} } as unknown as CliContext);
const known = {
  commands: new Set(cli.commands.map(({ name }) => name)),
  agents: new Set(namesOf(catalogue)),
  optionsOf: (command: string) => optionsOf(program, command),
};
const read = (line: string) => translate(line.split(' '), known);

describe('a command line in the habit of another tool', () => {
  const same: [string, string][] = [
    ['req appmgr status -F cluster=bravo', 'rpc appmgr status -F cluster=bravo'],
    ['discover -C webserver', 'find -C webserver'],
    ['plugin doc rpcutil', 'doc rpcutil'],
    ['playbook run deploy.yaml a=b', 'run deploy.yaml a=b'],
    ['rpc --agent appmgr --action status --arg revision=20 -F a=b', 'rpc appmgr status revision=20 -F a=b'],
    ['rpc -F a=b --agent=appmgr --action=status', 'rpc appmgr status -F a=b'],
    ['rpc rpcutil ping --argument=a=b', 'rpc rpcutil ping a=b'],
    ['rpc rpcutil ping --discovery-timeout=5', 'rpc rpcutil ping --dt=5'],
    ['rpc rpcutil ping --dm mc', 'rpc rpcutil ping --dm mdns'],
    ['ping --dm flatfile --do nodes.txt', 'ping --nodes nodes.txt'],
    ['resume 1 -q', 'resume 1'],
    ['facts cluster -n', 'facts cluster --verbose'],
    ['facts cluster -v', 'facts cluster -v'],
    ['find --no-progress', 'find --np'],
    ['upgrade --cluster a --rev 1', 'upgrade --cluster a --rev 1'],
    ['playbook check a.yaml', 'playbook check a.yaml'],
    ['audit show -F a=b', 'audit show -F a=b'],
    ['rpc x y -- -T', 'rpc x y -- -T'],
    ['nonsense -v', 'nonsense -v'],
    ['--version', '--version'],
    ['history', 'runs'],
    ['ping --no-color', 'ping --color=never'],
    ['ping -l web1', 'ping --wi web1'],
    ['ping --host=web1', 'ping --wi=web1'],
    ['ping --filter=a=b', 'ping --wf=a=b'],
    ['ping --quiet --inventory hosts', 'ping --nodes hosts'],
    ['explain --inventory hosts', 'explain --inventory hosts'],
    ['explain -l web1', 'explain -l web1'],
    ['apply --host web1', 'apply --host web1'],
  ];
  for (const [line, words] of same) {
    test(`is understood: ${line}`, () => assert.deepEqual(read(line), { words: words.split(' ') }));
  }

  const answered: [string, RegExp][] = [
    ['service restart httpd -C webserver', /: mco-deploy rpc service restart service=httpd -C webserver$/],
    ['service httpd restart', /: mco-deploy rpc service restart service=httpd$/],
    ['package status zsh', /: mco-deploy rpc package status package=zsh$/],
    ['puppet runonce -I dev4.devco.net', /: mco-deploy rpc puppet runonce -I dev4\.devco\.net$/],
    ['nettest connect web1 80', /: mco-deploy rpc nettest connect fqdn=web1 port=80$/],
    ['appmgr status revision=20', /: mco-deploy rpc appmgr status revision=20$/],
    ['rpc rpcutil ping -T mcollective', /^-T: there are no collectives/],
    ['rpc rpcutil ping --ttl 60', /^--ttl: .*leave this option out$/],
    ['scout', /mco-deploy nrpe CHECK/],
    ['nodes', /mco-deploy find/],
    ['get nodes', /mco-deploy find/],
    ['certs', /mco-deploy ca list/],
    ['ssh web1', /mco-deploy agent new/],
    ['deploy', /mco-deploy upgrade --cluster/],
    ["find -S fstat('/etc/hosts').md5=/baa/", /there are no data functions such as fstat\(\)/],
  ];
  for (const [line, expected] of answered) {
    test(`gets the valid form suggested: ${line}`, () => assert.match(read(line).answer ?? '', expected));
  }
});

describe('a compound expression in the habit of another tool', () => {
  for (const [given, select] of [
    ["fact('os.name').value=Debian", 'os.name=Debian'],
    ['fact("os.name") == "Debian" and class("web")', 'os.name=="Debian" and web'],
    ["with('web') and not facts('a')=~/x/", 'web and not a=~/x/'],
    ['web and (cluster=alfa or not /db/)', 'web and (cluster=alfa or not /db/)'],
  ] as const) {
    test(given, () => assert.deepEqual(translateSelect(given), { select }));
  }
});
