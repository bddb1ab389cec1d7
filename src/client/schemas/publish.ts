import { count, flag, list, milliseconds, object, oneOf, text, texts, time } from './parts.ts';

const bytes = { ...count, description: 'Bytes' } as const;
const sha256 = { ...text, pattern: '^[0-9a-f]{64}$' } as const;
const outcome = oneOf('ok', 'failed', 'refused', 'no-response', 'cancelled');

/** `publish --json` */
const publish = object({
  application: text,
  revision: text,
  sha256,
  size: bytes,
  dry_run: flag,
  sent: { ...count, description: 'Bytes that the publishing host sent' },
  rounds: { ...count, description: 'Rounds of copies from node to node' },
  elapsed_ms: milliseconds,
  nodes: list(
    object({
      node: text,
      outcome,
      code: text,
      message: text,
      hint: text,
      way: {
        ...oneOf('present', 'uploaded', 'copied', 'none'),
        description: 'It was there, came from this host, or from another node',
      },
      from: { ...text, description: 'The node that sent it; empty where none did' },
      round: { ...count, description: 'Of the copies from node to node; 0 for any other way' },
      received: { ...count, description: 'Bytes that other nodes sent' },
      elapsed_ms: milliseconds,
    }),
  ),
  others: { ...texts, description: 'Nodes that do not take the application' },
});

/** `published --json` */
const published = list(
  object({
    node: text,
    published: list(
      object({ application: text, revision: text, sha256, size: bytes, by: text, signed: flag, at: time }),
    ),
    receiving: list(object({ sha256, size: bytes, have: bytes })),
    used: bytes,
    free: bytes,
    max_total: bytes,
  }),
);

/** `prune --json` */
const prune = list(object({ node: text, outcome, code: text, message: text, removed: texts, freed: bytes }));

/** The output of commands about published artifacts with --json. */
export const publishSchemas = { publish, published, prune } as const;
