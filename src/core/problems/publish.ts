import { defineProblems } from './define.ts';

/** Publishing artifacts from node to node. */
export const publishProblems = defineProblems({
  'bad-ticket': [
    'The ticket of a transfer is forged, damaged, or for another node or artifact.',
    'Publish again with “mco-deploy publish”; if it repeats, find out who made the ticket.',
  ],
  'expired-ticket': ['The ticket of a transfer is not valid now.', 'Publish again, or set the clocks of both hosts.'],
  'unknown-ticket': [
    'The node has not accepted that ticket, or its daemon has restarted since then.',
    'Publish again: what is there already is not sent again.',
  ],
  'bad-chunk': [
    'A part of an artifact is corrupted: it does not match the list of chunks.',
    'Nothing to do where another node had it; else check the disk of the node that the message names.',
  ],
  'not-published': ['The node does not hold that artifact.', '“mco-deploy published” lists what each node holds.'],
  'not-publishing': [
    'The node does not take published artifacts.',
    'Enable the agent “publish” in its node.yaml; see docs/publish.md.',
  ],
  'revision-published': [
    'The revision is published already, with other content.',
    'Publish changed content under a new revision.',
  ],
  'too-many-published': [
    'The published artifacts on the node take more space than allowed.',
    'Run “mco-deploy prune”, or raise “max_total” in node.yaml.',
  ],
  'incomplete-artifact': [
    'No node could send the missing parts of the artifact.',
    'Publish again: what is there already is not sent again.',
  ],
  'bad-publication': ['The file or directory cannot be published.', 'Correct what the message names.'],
});
