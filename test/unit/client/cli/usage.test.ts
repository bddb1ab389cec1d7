import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { commandLine } from '../../../../src/command-line.ts';
import { nextCommand } from '../../../../src/client/cli/help/next-command.ts';
import { parseKeyValues } from '../../../../src/client/cli/key-values.ts';
import { runInProcess } from '../../../support/program/cli.ts';

const run = async (...words: string[]) => await runInProcess(words, '/nowhere', {}, commandLine);

describe('a wrong command line is reported in plain words, and the last line is the command that explains it', () => {
  for (const [line, message, last] of [
    ['pingg', 'there is no command “pingg”: did you mean ping?', 'to list the commands: mco-deploy --help'],
    ['ca nosuch', 'there is no command “nosuch”', 'to list the commands: mco-deploy ca --help'],
    ['runs lst', 'there is no command “lst”: did you mean list?', 'to list the commands: mco-deploy runs --help'],
    ['ping --config=', 'the option --config <file> needs a value', 'ping'],
    [
      'ca sign-intermediate a.csr --fingerprint --out b.pem',
      'the option --fingerprint <fingerprint> needs a value',
      'ca sign-intermediate',
    ],
    ['ping --nodes --limit', 'the option --nodes <file> needs a value', 'ping'],
    ['ping -o xml', '“xml” is not a valid value of --output: use table, wide, json or jsonl', 'ping'],
    ['ping -t abc', '“abc” is not a valid value of --timeout: it must be a number of seconds', 'ping'],
    ['ping -I ', '“” is not a valid value of --wi: it must not be empty; leave it out for all nodes', 'ping'],
    ['ping -S ', '“” is not a valid value of --select: it must not be empty; leave it out for all nodes', 'ping'],
    ['ping --limt', 'there is no option --limt: did you mean --limit?', 'ping'],
    ['completion tcsh', '“tcsh” is not a valid value of <shell>: use bash, zsh or fish', 'completion'],
    ['ping -t', 'the option --timeout <seconds> needs a value', 'ping'],
    ['ca init', 'the option --realm <realm> is missing', 'ca init'],
    ['runs show', 'the argument <run> is missing', 'runs show'],
    ['ping extra', '“ping” has too many arguments: extra: to choose nodes by name: mco-deploy ping -I extra', 'ping'],
    ['ping a=b', '“ping” has too many arguments: a=b: to filter: mco-deploy ping -F a=b', 'ping'],
    ['ping -F a = b', '“ping” has too many arguments: =, b: to filter: mco-deploy ping -F a=b', 'ping'],
    [
      'ping --with-fact a = b',
      '“ping” has too many arguments: =, b: to filter: mco-deploy ping --with-fact a=b',
      'ping',
    ],
    ['ping -v -- a=b', '“ping” has too many arguments: a=b', 'ping'],
    ['facts os -vF cluster=b x', '“facts” has too many arguments: x', 'facts'],
    ['find -F a >=b', "“find” has too many arguments: >=b: to filter: mco-deploy find -F 'a>=b'", 'find'],
    [
      'find web.x.net',
      '“find” has too many arguments: web.x.net: to choose nodes by name: mco-deploy find -I web.x.net',
      'find',
    ],
    ['ping -F a == b', '“ping” has too many arguments: ==, b: to filter: mco-deploy ping -F a==b', 'ping'],
    [
      'ping -I w1.x.net w2.x.net',
      '“ping” has too many arguments: w2.x.net: to choose nodes by name: mco-deploy ping -I w1.x.net -I w2.x.net',
      'ping',
    ],
    ['explain a=b c', '“explain” has too many arguments: c', 'explain'],
    [
      'facts os cluster=b --np w1.x.net',
      '“facts” has too many arguments: cluster=b, w1.x.net: to filter: mco-deploy facts os -F cluster=b --np -I w1.x.net',
      'facts',
    ],
    [
      'facts os -v -F a=b cluster = c -I d',
      '“facts” has too many arguments: cluster, =, c: to filter: mco-deploy facts os -v -F a=b -F cluster=c -I d',
      'facts',
    ],
    ['facts os = x', '“facts” has too many arguments: =, x', 'facts'],
    ['ping -F a= b', '“ping” has too many arguments: b: to filter: mco-deploy ping -F a=b', 'ping'],
    ['ping web* a=b', '“ping” has too many arguments: web*, a=b', 'ping'],
    ['ping ', '“ping” has too many arguments: “”', 'ping'],
    [
      'locks break shop cluster=b',
      '“locks break” has too many arguments: cluster=b: to filter: mco-deploy locks break shop -F cluster=b',
      'locks break',
    ],
    ['', 'there is no command “”', 'to list the commands: mco-deploy --help'],
    ['upgrade  2', 'the argument <application> is empty', 'upgrade'],
    ['upgrade --cluster= --rev 2', 'the option --cluster <name> needs a value', 'upgrade'],
    ['upgrade a 2 --check ', 'the option --check <name> needs a value', 'upgrade'],
    ['ping –json', '“–json” begins with another dash than “-”: write --json', 'ping'],
    ['upgrade –cluster b –rev 2', '“–cluster” begins with another dash than “-”: write --cluster', 'upgrade'],
    ['uninstall web1 –-dry-run', '“–-dry-run” begins with another dash than “-”: write --dry-run', 'uninstall'],
    ['rpc rpcutil ping −v', '“−v” begins with another dash than “-”: write -v', 'rpc'],
    [
      '—json ping',
      '“—json” begins with another dash than “-”: write --json',
      'to list the commands: mco-deploy --help',
    ],
    ['ping -json', 'there is no option -json: did you mean --json?', 'ping'],
    ['upgrade -cluster=b 2', 'there is no option -cluster=b: did you mean --cluster=b?', 'upgrade'],
    ['ping -help', 'there is no option -help: did you mean --help?', 'ping'],
    [
      'ping -I -json x',
      '“ping” has too many arguments: x: to choose nodes by name: mco-deploy ping -I -json -I x',
      'ping',
    ],
    ['ping -F “a=b”', '““a=b”” is not a valid value of --wf: its quotes are not \' or ": type them again', 'ping'],
    ['upgrade --cluster b --rev 2 --no-notify --limit x', 'there is no option --limit', 'upgrade'],
  ] as const) {
    test(line, async () => {
      const { code, out, err } = await run(...line.split(' '));
      const command = last.startsWith('to ') ? last : `to list its options: mco-deploy ${last} --help`;
      assert.deepEqual([code, out, err], [64, [], [`mco-deploy: ${message}`, command]]);
    });
  }

  test('and as JSON if JSON is requested, with that command or a suggestion as the hint', async () => {
    const refused = '“xml” is not a valid value of --output: use table, wide, json or jsonl';
    for (const [line, message, hint] of [
      ['ca list -j -o xml', refused, 'to list its options: mco-deploy ca list --help'],
      ['ca nosuch -j', 'there is no command “nosuch”', 'to list the commands: mco-deploy ca --help'],
      ['pingg -o json', 'there is no command “pingg”', 'did you mean ping?'],
      ['ping -I a -j b=c', '“ping” has too many arguments: b=c', 'to filter: mco-deploy ping -I a -j -F b=c'],
      ['ping --json –v', '“–v” begins with another dash than “-”', 'write -v'],
    ] as const) {
      const { code, out, err } = await run(...line.split(' '));
      assert.deepEqual([code, out, err.length], [64, [], 1], line);
      assert.deepEqual(JSON.parse(err[0] ?? ''), { error: { code: 'usage', message, hint }, exit_code: 64 }, line);
    }
  });
});

describe('an error that does not say what to do is followed by a command that does', () => {
  for (const [words, ...lines] of [
    [
      'policy check /nowhere/x',
      '/nowhere/x cannot be read: no such file or directory',
      'to read what to do: mco-deploy explain unreadable-file',
    ],
    ['upgrade --cluster b 2', 'upgrade needs a revision: mco-deploy upgrade --cluster b --rev 2'],
    ['upgrade shop', 'upgrade needs a revision: mco-deploy upgrade shop REVISION'],
    ['--json=x ping', 'the option --json comes after the command: mco-deploy ping --json=x'],
    ['-F a=b ping', 'the option -F comes after the command: mco-deploy ping -F a=b'],
    ['-I find ping', 'the option -I comes after the command: mco-deploy ping -I find'],
    ['-I find -v find', 'the option -I comes after the command: mco-deploy find -I find -v'],
    [
      '--config=/x runs show 1234abcd',
      'the option --config comes after the command: mco-deploy runs show 1234abcd --config=/x',
    ],
  ] as const) {
    test(words, async () => {
      const { code, out, err } = await run(...words.split(' '));
      assert.deepEqual([code, out, err], [64, [], [`mco-deploy: ${lines[0]}`, ...lines.slice(1)]]);
    });
  }

  test('a call by the description of its agent, one that is not known by the list of agents', () => {
    const next = (code: string, ...words: string[]) => nextCommand({ code, message: 'x', hint: 'y' }, words, undefined);
    assert.equal(next('usage', 'rpc', 'a', 'b', 'c'), 'to see what the agent takes: mco-deploy doc a');
    assert.equal(next('unknown-agent', 'rpc', 'a', 'b'), 'to list the agents: mco-deploy doc');
    assert.equal(next('usage', 'rpc', '-F', 'a=b'), undefined, 'its hint says what to do');
  });

  test('a code of a newer version that this one cannot explain by nothing', () => {
    assert.equal(nextCommand({ code: 'from-later', message: 'x', hint: '' }, ['find'], undefined), undefined);
  });

  test('a filter in several words, among the inputs of a call, by how it is written', () => {
    assert.throws(() => parseKeyValues(['=', 'bravo']), {
      hint: 'write a filter as one word, such as -F cluster=bravo',
    });
    assert.throws(() => parseKeyValues(['bravo']), { hint: 'write name=value' });
  });

  test('but not for a daemon, whose one line goes to a log', async () => {
    const events: EventEmitter = process;
    const names = ['SIGHUP', 'SIGINT', 'SIGTERM', 'error'];
    const before = new Set(names.flatMap((name) => events.listeners(name)));
    try {
      const { err } = await run('daemon', '--config', '/nowhere');
      assert.equal(err.length, 1, err.join('\n'));
    } finally {
      // A daemon handles signals from its first moment to the end of its process, which here serves other tests.
      for (const name of names)
        for (const listener of events.listeners(name))
          if (!before.has(listener)) events.removeListener(name, listener as () => void);
    }
  });
});

test('“version” prints the version, as --version does', async () => {
  assert.deepEqual(await run('version'), await run('--version'));
});

test('what a person is typing is completed, whatever dash it begins with', async () => {
  const { code, err } = await run('complete', '--', 'ping', '–js');
  assert.deepEqual([code, err], [0, []]);
});

test('a path with “~” that no shell has replaced is not taken for a missing file alone', async () => {
  const { code, err } = await run('ping', '--config=~/client.yaml');
  assert.equal(code, 64);
  assert.match(err[0] ?? '', /no such file or directory: the shell did not replace “~”: write "\$HOME" instead$/);
});

test('the file of a fleet is named as an argument or by --fleet, and once', async () => {
  for (const words of [['apply'], ['fleet', 'check'], ['status']]) {
    const { code, err } = await run(...words, '--fleet', '/nowhere/fleet.yaml');
    assert.deepEqual([code, err], [64, ['mco-deploy: there is no /nowhere/fleet.yaml: check the path']], words[0]);
  }
  for (const words of [['apply'], ['fleet', 'check']]) {
    const { code, err } = await run(...words, 'one.yaml', '--fleet', 'two.yaml');
    const message = 'mco-deploy: two files were named: one.yaml and two.yaml: name the fleet’s file once';
    assert.deepEqual([code, err], [64, [message]], words[0]);
  }
});

test('a playbook that is named without its path is found beside the shipped ones in the hint', async () => {
  const { err } = await run('playbook', 'check', 'docs');
  assert.match(err[0] ?? '', /no playbook “docs” is shipped: .*; to take the file here: \.\/docs$/);
  const missing = await run('playbook', 'check', 'nowhere');
  assert.match(missing.err[0] ?? '', /; write a file with its path: \.\/nowhere\.yaml$/);
});

describe('a question for help', () => {
  test('is answered in each form: before, between and after the words of a command', async () => {
    for (const words of ['help ca init', 'ca help init', 'ca init --help', 'ca init -h']) {
      const { code, out, err } = await run(...words.split(' '));
      assert.deepEqual([code, err], [0, []], words);
      assert.match(out.join('\n'), /^Usage: mco-deploy ca init \[options\]\n/, words);
    }
    for (const words of ['help', 'help --help', '--help']) {
      const { code, out } = await run(...words.split(' '));
      assert.equal(code, 0, words);
      assert.match(out.join('\n'), /^Usage: mco-deploy \[options\] \[command\]\n/, words);
    }
  });

  test('is refused for a command that does not exist, with the nearest one', async () => {
    for (const words of ['help ca initt', 'ca help initt', 'ca initt --help']) {
      const { code, out, err } = await run(...words.split(' '));
      const lines = [
        'mco-deploy: there is no command “initt”: did you mean init?',
        'to list the commands: mco-deploy ca --help',
      ];
      assert.deepEqual([code, out, err], [64, [], lines], words);
    }
  });

  test('leaves the words of a command that has none below it to that command', async () => {
    const { code, out } = await run('rpc', 'appmgr', 'upgrade', '--help');
    assert.equal(code, 0);
    assert.match(out.join('\n'), /Usage: mco-deploy rpc|appmgr\.upgrade|upgrade/);
  });
});

test('the options that every command has come last in its help, and its own ones are not among them', async () => {
  for (const command of ['install', 'uninstall', 'apply', 'explain']) {
    const text = (await run(command, '--help')).out.join('\n');
    const [own = '', common = ''] = text.split('\nEverywhere:\n');
    assert.match(own, /\nOptions:\n/, command);
    const names = [...common.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
    const all = ['--config', '--via', '--json', '--output', '--color'];
    assert.deepEqual(names, command === 'explain' ? all.slice(2) : all, command);
  }
});
