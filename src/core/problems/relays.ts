import { defineProblems } from './define.ts';

/** Reaching nodes over relays. */
export const relayProblems = defineProblems({
  'no-relay': [
    'None of the relays that the command would use can be used.',
    'Check each relay with “mco-deploy doctor client”, or use none: --via direct.',
  ],
  'unknown-target': [
    'The relay has no connection to the node.',
    'Check that the relay knows the node (“nodes” or “sources” under “relay” in its node.yaml) and can connect to it.',
  ],
  'bad-seal': [
    'A sealed request or reply cannot be opened: it is meant for another side, or was changed on its way.',
    'Repeat the command. If it happens again, a relay changes what it passes on.',
  ],
  'unknown-key': [
    'The request is sealed to a key that the node does not have, as after a restart of its daemon.',
    'Repeat the command: the relay gets the new key when it connects again.',
  ],
  'late-try': [
    'A try of a change arrived after its caller had given it up or sent a later one. Nothing was done.',
    'Nothing is wrong if the later try succeeded. Otherwise repeat the call.',
  ],
});
