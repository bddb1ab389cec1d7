import { defineProblems } from './define.ts';

/** The command line, the configuration, files that a command reads or writes. */
export const usageProblems = defineProblems({
  usage: [
    'The command line is not valid, or an option has a value that is not allowed.',
    'Read the message; “mco-deploy help COMMAND” lists the options.',
  ],
  closed: [
    'A program used a connection of the library after it had closed it.',
    'Call connect() again, or close it later.',
  ],
  'not-configured': [
    'The configuration file of the operator or of the node does not exist.',
    'Create it as docs/install.md describes, or name another one with --config.',
  ],
  'bad-configuration': [
    'A configuration file has an unknown key, a value of the wrong type, or names something that cannot be used.',
    'Correct the line that the message names.',
  ],
  'bad-permissions': [
    'A file or directory belongs to another user, or other users may write it, so its content cannot be trusted.',
    'Change its owner and mode as the message says.',
  ],
  'unreadable-file': [
    'A file that the command needs does not exist or cannot be read.',
    'Check the path and its permissions.',
  ],
  'unwritable-file': [
    'A file cannot be written: no permission, no space, or a read-only file system.',
    'Make room or correct the permissions, then repeat the command.',
  ],
  'unwritable-cache': [
    'The cache of known nodes cannot be written.',
    'Correct the permissions of the cache directory; “mco-deploy doctor client” shows which it is.',
  ],
  'file-exists': [
    'The file that the command would create exists already.',
    'Move it away, or replace it with --force where the command offers that.',
  ],
  'invalid-input': [
    'An input does not fit the description (DDL) of the action.',
    'Correct the input; “mco-deploy doc AGENT” lists what each action accepts.',
  ],
  'malformed-json': ['A text that must be JSON is not valid JSON.', 'Correct the file or the program that wrote it.'],
  'no-nodes-given': [
    'The list of nodes that was piped in is empty, so no node was called.',
    'Check the command before the pipe; redirect from /dev/null to address nodes by filter.',
  ],
  'no-terminal': [
    'A question must be answered, and the command does not run on a terminal.',
    'Run it on a terminal, or add --yes.',
  ],
  internal: [
    'The program failed in a way that it does not expect. This is a fault in mco-deploy.',
    'Report it with the message and the log of the node.',
  ],
  cancelled: [
    'The command or the call was interrupted before it ended.',
    'Check what was done with “mco-deploy status”, then repeat it.',
  ],
  'no-release-key': [
    'This build carries no key of the releases, so a downloaded file cannot be verified.',
    'Name the public key with --key.',
  ],
  'bad-release-key': [
    'The release key is not an Ed25519 public key in PEM.',
    'Use the key that was published with the release.',
  ],
});
