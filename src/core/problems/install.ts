import { defineProblems } from './define.ts';

/** Installing nodes over ssh, and applying a declared fleet. */
export const installProblems = defineProblems({
  'ssh-failed': ['ssh could not connect, or is not installed.', 'Try “ssh HOST” by hand.'],
  'host-failed': ['A command on the host failed.', 'The message shows its last lines.'],
  'needs-root': ['Installing needs root on the host.', 'Use root@HOST, or allow sudo without a password for now.'],
  'read-only': [
    'The file system of a target directory is read-only.',
    'Mount it writable, or choose other directories (--program, --directory).',
  ],
  'copy-damaged': ['The program did not arrive as it was sent.', 'Repeat the command.'],
  'wrong-system': ['The host does not run Linux.', 'Install on Linux hosts only.'],
  'wrong-architecture': ['The program is for another processor.', 'Name the right one with --binary or --package.'],
  'bad-program': ['The file is not a Linux program for a supported processor.', 'Name another with --binary.'],
  'no-systemd': ['The host has no systemd.', 'Use --service none, or name an init script.'],
  'port-in-use': ['Another program uses the port of the daemon.', 'Stop it, or choose another port.'],
  'other-fleet': ['The host belongs to another fleet.', 'Take it over with --replace, if that is intended.'],
  'clock-off': ['The clock of the host is wrong by more than the fleet allows.', 'Set it: “timedatectl set-ntp true”.'],
  'locks-out': [
    'The new policies would no longer let you change the host, so you could not take them back.',
    'Grant yourself the right under “operators”, or apply it with --force.',
  ],
  'changed-meanwhile': [
    'The files of the host changed between the plan and the change.',
    'Repeat the command: it shows a new plan.',
  ],
  returned: [
    'The node did not answer with the new configuration in time, and went back to the last good one.',
    'Correct fleet.yaml by what the message says, then apply it again.',
  ],
  'not-over-fabric': [
    'The change concerns what is never written over the fabric: keys, trust, programs, or the rights of the helper.',
    'Apply it over ssh: “mco-deploy apply --ssh”.',
  ],
  'not-restarted': [
    'The daemon that has the new configuration has not started yet.',
    'Wait until it has; “mco-deploy apply” does.',
  ],
  'nothing-pending': ['No change of the configuration waits to be confirmed.', 'Apply the change again.'],
  'no-helper': [
    'The program that writes the configuration for the daemon cannot be reached.',
    'Start it: “systemctl start mco-deploy-config.socket”; or apply over ssh.',
  ],
});
