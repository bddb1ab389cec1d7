/**
 * Built-in defines of every script, written in the language itself: the seed’s author kept them in separate modules.
 * Their inner titles and arguments are those of the seed’s output and audit lines.
 */
import { collectDefinitions } from '../declarations/definitions.ts';
import type { KnownDefinition } from '../evaluator/state.ts';
import { parseScript } from '../parser/parse.ts';

/** The nodes to call, and the settings: these are passed on unchanged. */
const passed = [
  'identity_filter',
  'class_filter',
  'fact_filter',
  'compound_filter',
  'batch_size',
  'batch_sleep_time',
  'tries',
  'try_sleep_time',
  'timeout',
  'disctimeout',
];
const limit = [...passed, 'limit_nodes'];
const parameters = (names: readonly string[]) => names.map((name) => `$${name} = undef`).join(', ');
const passOn = (names: readonly string[]) => names.map((name) => `${name} => $${name}`).join(', ');

const text = `
define mco::ping(${parameters(limit)}) {
  mcollective { "ping_\${name}":
    agent => rpcutil, action => ping, ${passOn(limit)}
  }
}

define haproxy::disable($server, $backend, ${parameters(limit)}) {
  mcollective { "haproxy::disable::\${backend}/\${name}":
    agent => haproxy, action => disable,
    arguments => { server => $server, backend => $backend }, ${passOn(limit)}
  }
}

define haproxy::enable($server, $backend, ${parameters(limit)}) {
  mcollective { "haproxy::enable::\${backend}/\${name}":
    agent => haproxy, action => enable,
    arguments => { server => $server, backend => $backend }, ${passOn(limit)}
  }
}

# A check that is not OK is a good answer of the agent, and a failure here.
define nrpe::runcommand($command = $name, $args = undef, ${parameters(limit)}) {
  mcollective { "nrpe_\${name}":
    agent => nrpe, action => runcommand,
    arguments => { command => $command, args => $args },
    expect => { exitcode => 0 }, ${passOn(limit)}
  }
}

# One node is enough; another one takes over for each that fails.
define angelia($recipient, $msg = $name, $subject = "puppet orchestration", ${parameters(passed)}) {
  mcollective { "angelia_notify_\${name}":
    agent => angelianotify, action => sendmsg,
    arguments => { message => $msg, recipient => $recipient, subject => $subject },
    limit_nodes => 1, failover => true, ${passOn(passed)}
  }
}

define mco::say($msg) {
  exec { $name: command => "cowsay \${msg}", logoutput => true }
}

define exim::delivermatching(${parameters(limit)}) {
  mcollective { "exim_delivermatching_\${name}":
    agent => eximng, action => delivermatching, ${passOn(limit)}
  }
}
`;

const source = { file: 'built-in', text };
let parsed: ReadonlyMap<string, KnownDefinition> | undefined;

export function builtInDefines(): ReadonlyMap<string, KnownDefinition> {
  parsed ??= new Map(
    [...collectDefinitions(parseScript(source), source, new Map())].map(([name, known]) => [
      name,
      { ...known, builtIn: true },
    ]),
  );
  return parsed;
}
