import { type Command, InvalidArgumentError, Option } from 'commander';
import { addCommonOptions } from './common-options.ts';
import { addDiscoveryOptions, parseSeconds, takeList } from './target-options.ts';

/**
 * The common options of commands that run a playbook: how nodes are found, other runs are excluded, and a person is
 * asked.
 */
export function addRunOptions(command: Command): Command {
  command
    .option('--allow-missing', 'continue although a known node is silent')
    .option('--lock-wait <seconds>', 'how long to wait for another run to end', parseSeconds)
    .option('--no-lock', 'do not take a lease: other runs may change the same nodes')
    .addOption(
      new Option('--journal <where>', 'store the journal on nodes of the run, too: auto, required or local').choices([
        'auto',
        'required',
        'local',
      ]),
    )
    .option('--notify-start', 'also notify the recipient when the run starts')
    .option(
      '--report <what>',
      'also report to a CI system: github (annotations), or junit=FILE (repeatable)',
      parseReport,
    )
    .option('-v, --verbose', 'show internal steps, a table of all steps and where the journal is')
    .option('--np', 'show no progress on a terminal')
    .option('-y, --yes', 'do not ask on a terminal');
  return addCommonOptions(addDiscoveryOptions(takeList(command, true)));
}

function parseReport(what: string, before: string[] = []): string[] {
  if (/^(github|junit=.+)$/s.test(what)) return [...before, what];
  throw new InvalidArgumentError('it must be github or junit=FILE.');
}
