/** The types of `import … from 'mco-deploy'`. Times are in milliseconds. */
import type { NodeFailure, RunEvent, RunReport, StepReport } from '../playbook/events/events.ts';
import type { Agents } from './agents.ts';

/** An error of this library. */
export interface ProblemFields extends Error {
  /** Short and stable, such as `policy-denied`; `mco-deploy explain CODE` explains it. */
  readonly code: string;
  /** The next step; may be empty. */
  readonly hint: string;
}

export interface ConnectOptions {
  /** client.yaml; by default the file that the command line uses. */
  readonly config?: string;
  /** Relays to use, by name, instead of those of client.yaml. */
  readonly via?: readonly string[];
  /** Instead of the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends everything, as `close()` does. */
  readonly signal?: AbortSignal;
  /** Receives warnings, which stop nothing. */
  readonly onWarning?: (message: string) => void;
}

/** Selects nodes: those that match everything given. */
export interface Filter {
  /** `cluster=bravo`, with the operators = != < > <= >= =~, or the value that each fact must have. */
  readonly facts?: readonly string[] | Readonly<Record<string, string | number | boolean>>;
  /** Names, or `/regex/`. */
  readonly classes?: readonly string[];
  readonly agents?: readonly string[];
  /** Names of nodes, or `/regex/`: any of them. */
  readonly nodes?: readonly string[];
  /** An expression with and, or, not and ( ). */
  readonly select?: string;
}

/** Where and for how long to look for nodes; by default as in client.yaml. */
export interface DiscoveryOptions {
  /** `mdns`, `file`, `dns`, `cache`, `exec`, `consul`, `puppetdb` or `sql`. */
  readonly method?: string;
  /** A list of nodes, for the method `file`. */
  readonly file?: string;
  readonly discoveryTimeout?: number;
  /** To connect to a node, and for its reply. */
  readonly timeout?: number;
  /** At most this many nodes (`3`), or a share (`'20%'`). */
  readonly limit?: number | string;
  /** Makes the choice repeatable. */
  readonly limitSeed?: number;
  readonly signal?: AbortSignal;
}

export interface FindOptions extends DiscoveryOptions {
  /** Names of facts to return; all if omitted. */
  readonly facts?: readonly string[];
}

/** A node that proved itself and matches. */
export interface Node {
  readonly name: string;
  /** Of its daemon. */
  readonly version: string;
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  /** The relays on the way, the nearest first. */
  readonly path: readonly string[];
  readonly elapsed: number;
}

/** A node that should have answered and did not, or that could not prove itself. */
export interface MissingNode {
  readonly node: string;
  /** `silent`, or the code of the problem. */
  readonly code: string;
  readonly message: string;
}

export interface Found {
  readonly nodes: readonly Node[];
  readonly missing: readonly MissingNode[];
}

export interface CallOptions extends DiscoveryOptions {
  /** The nodes to call; all that run the agent if omitted. */
  readonly on?: Filter;
  /** Dry run: report what would change. */
  readonly dryRun?: boolean;
  /** The number of nodes at a time, or a share of them (`'25%'`). */
  readonly batch?: number | string;
  /** Between two batches. */
  readonly pause?: number;
}

/** The outcome of a call on one node. */
export type Reply<Output = Readonly<Record<string, unknown>>> = ReplyFields &
  (
    | { readonly outcome: 'ok'; readonly data: Output }
    | {
        readonly outcome: 'failed' | 'refused' | 'cancelled' | 'no-response';
        readonly data: Readonly<Record<string, unknown>>;
      }
  );

export interface ReplyFields {
  readonly node: string;
  /** Short and stable; empty on success. `mco-deploy explain CODE` explains it. */
  readonly code: string;
  readonly message: string;
  /** The next step; may be empty. */
  readonly hint: string;
  readonly elapsed: number;
}

export interface Replies<Output> {
  /** One for each node that was called, by name. */
  readonly replies: readonly Reply<Output>[];
  readonly missing: readonly MissingNode[];
}

/**
 * Work in progress: iterate over it to get each part as it arrives, await it for the result. It has begun already, and
 * ends even if nobody listens.
 */
export interface Feed<Item, Result> extends Promise<Result>, AsyncIterable<Item> {}

type ActionsOf<Agent> = Agent extends keyof Agents ? Agents[Agent] : Record<string, UntypedAction>;

/** An action of an agent without known types: `mco-deploy agent types` writes them. */
export interface UntypedAction {
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

type PartOf<Agent, Action, Part extends 'input' | 'output'> = Action extends keyof ActionsOf<Agent>
  ? ActionsOf<Agent>[Action] extends Record<Part, infer Type>
    ? Type
    : never
  : never;

/** A known name, with its completion in an editor, or any other. */
type Known<Name> = Name | (string & {});

/** A record of a node's audit log (docs/audit.md), whose signature and chain were checked. */
export interface AuditEntry {
  readonly node: string;
  readonly sequence: number;
  /** ISO 8601, by the node's clock. */
  readonly time: string;
  readonly kind: string;
  /** The line that the node signed. */
  readonly line: string;
  readonly record: Readonly<Record<string, unknown>>;
}

export interface AuditOptions extends DiscoveryOptions {
  /** The nodes to ask; all that run the agent `audit` if omitted. */
  readonly on?: Filter;
  /** Id of a run, or of a request. */
  readonly run?: string;
  readonly request?: string;
  readonly since?: Date;
}

export interface RunOptions extends Omit<DiscoveryOptions, 'limit' | 'limitSeed'> {
  /** Dry run: report what would change. */
  readonly dryRun?: boolean;
  /** Begin although a known node is silent. */
  readonly allowMissing?: boolean;
  /** False: other runs may work at the same time. */
  readonly lock?: boolean;
  /** Time to wait for another run to end. */
  readonly lockWait?: number;
  /** Where the journal is stored besides this host; by default as in client.yaml. */
  readonly journal?: 'auto' | 'required' | 'local';
  /** Notify the recipient when the run starts, too. */
  readonly notifyStart?: boolean;
  /** Answers the questions of the playbook; a run that asks one fails without it. */
  readonly confirm?: (question: string, signal: AbortSignal) => Promise<boolean>;
  /** Receives the progress of nodes. */
  readonly onProgress?: (node: string, message: string) => void;
  /** Also cancels running calls; `signal` lets the current batch end. */
  readonly kill?: AbortSignal;
}

export type { NodeFailure, RunEvent, RunReport, StepReport };

/** A fleet, for one operator. */
export interface Fleet extends AsyncDisposable {
  /** The name in the operator's certificate. */
  readonly operator: string;
  /** Finds, proves and filters nodes. @throws Problem */
  readonly find: (filter?: Filter, options?: FindOptions) => Promise<Found>;
  /**
   * Calls an action of an agent on all nodes that match. The input is checked before any node is called. The promise
   * rejects with a `Problem` when no node could be called; the outcome of each node is in its reply.
   */
  readonly call: <Agent extends Known<keyof Agents>, Action extends keyof ActionsOf<Agent> & string>(
    agent: Agent,
    action: Action,
    input: PartOf<Agent, Action, 'input'>,
    options?: CallOptions,
  ) => Feed<Reply<PartOf<Agent, Action, 'output'>>, Replies<PartOf<Agent, Action, 'output'>>>;
  /**
   * Runs a playbook: a file, or the name of a shipped one. Iterate over its events, await its report. The promise
   * rejects when the run could not begin; the report says if a run failed.
   */
  readonly run: (
    playbook: string,
    inputs?: Readonly<Record<string, unknown>>,
    options?: RunOptions,
  ) => Feed<RunEvent, RunReport>;
  /** The records of nodes' audit logs, node after node, as far as policies let the operator read them. @throws Problem */
  readonly audit: (options?: AuditOptions) => AsyncIterable<AuditEntry>;
  /** Cancels running work, and closes all connections. Later calls fail with the code `closed`. */
  readonly close: () => Promise<void>;
}
