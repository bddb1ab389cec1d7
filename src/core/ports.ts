/** The narrow interfaces between the parts of the program, as plain types. */
import type { Credentials } from './credentials/signature.ts';
import type { Trust } from './credentials/proof.ts';
import type { Problem } from './errors.ts';
import type { Identity } from './identity.ts';
import type { JsonObject } from './json.ts';
import type { Address, Candidate, NodeFacts } from './node.ts';
import type { ArtifactHolder, OpenArtifactPeer } from './publish/holder.ts';
import type { ServedEvent } from './audit/record.ts';
import type {
  DescribeRequest,
  DiscoverEvent,
  DiscoverRequest,
  FilterTerms,
  NodeDescription,
  ResultReply,
  SealedEvent,
  SealedRequest,
  SignedKey,
  SignedReply,
  SignedRequest,
  StoreReply,
  StoreRequest,
} from './wire/messages.ts';

/** Structured log lines for the administrator of the node: never a secret, never a stack at level info. */
export interface Log {
  readonly debug: (fields: object, message: string) => void;
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
}

/** What an agent may know about its node. */
export interface NodeView {
  readonly identity: string;
  readonly facts: () => Promise<JsonObject>;
  readonly classes: () => Promise<readonly string[]>;
  /**
   * Whether the policies allow a caller an action on this node now. The agent is given by its name, not an alias.
   * `limited`: its certificate is limited to some applications, so only rules that name the caller count.
   */
  readonly may: (access: { caller: string; agent: string; action: string; limited?: boolean }) => Promise<boolean>;
  /** What `rpcutil inventory` and `daemon_stats` return; kept by the daemon. */
  readonly info: () => Promise<NodeInfo>;
  /** The node's own audit log: its current file, and the CAs whose certificates are valid in it. */
  readonly audit: {
    readonly file: string;
    readonly trust: () => Trust;
    /** Ends the warnings about changes by other programs. @returns how many there were */
    readonly acknowledge: () => Promise<number>;
    /** Records that this node sent an artifact to another. @throws Problem when it cannot be recorded */
    readonly served: (event: ServedEvent) => Promise<void>;
  };
  /** Connects to another node for an artifact. */
  readonly openArtifactPeer: OpenArtifactPeer;
  /** The allowed difference between the clocks of hosts, in milliseconds. */
  readonly clockGrace: number;
  readonly crl: CrlKeeper;
  /** Reads policies, facts, classes and certificates again; a broken file leaves the old version in force. */
  readonly reload: () => Promise<void>;
  /** An item of the configuration that callers may see; undefined for anything else, whether it exists or not. */
  readonly configItem: (item: string) => unknown;
}

/** The node's revocation lists, which can be read, and replaced only by newer ones. */
export interface CrlKeeper {
  readonly status: () => readonly RevocationListInfo[];
  /**
   * Puts newer lists (PEM) in force at once, also for open connections; a dry run only reports what it would do.
   * @throws Problem `bad-crl`, `foreign-crl`, `old-crl`, `unwritable-file`, `not-in-force`
   */
  readonly install: (
    pem: string,
    dryRun: boolean,
  ) => Promise<{ changed: boolean; lists: readonly RevocationListInfo[] }>;
}

/** A revocation list in force. */
export interface RevocationListInfo {
  /** Fingerprint (SHA-256) of the CA's certificate. */
  readonly issuer: string;
  readonly number: number;
  /** ISO 8601. */
  readonly this_update: string;
  readonly next_update: string;
  /** How many certificates it names. */
  readonly revoked: number;
}

export interface NodeInfo {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly pid: number;
  readonly configFile: string;
  readonly agents: readonly AgentInfo[];
  readonly counters: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

export interface AgentInfo {
  readonly name: string;
  readonly version: string;
  readonly author: string;
  readonly license: string;
  readonly description: string;
  readonly url: string;
  /** Seconds: the longest of its actions. */
  readonly timeout: number;
}

/** The result of a command: never thrown, so that the caller judges a failure. */
export interface CommandResult {
  /** The exit code; null when a signal ended it or it never started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** True when the output was longer than the limit and the rest was dropped. */
  readonly truncated: boolean;
  /** Why it did not begin or was ended; undefined when it ended by itself. */
  readonly ended?:
    | 'not-found'
    | 'no-interpreter'
    | 'not-permitted'
    | 'no-resources'
    | 'timeout'
    | 'cancelled'
    | 'too-many-processes';
}

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment of the command; only PATH by default. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds; the process group is killed then. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** The maximum number of bytes to keep of standard output, and of standard error (default 64 KiB). */
  readonly limit?: number;
  readonly stdin?: string;
  /** An entry of `env` (`NAME=value`) that no other process has: it identifies processes that left the group. */
  readonly mark?: string;
  /** The maximum number of its processes, wherever they went (needs `mark`); beyond it, all of them are killed. */
  readonly mostProcesses?: number;
  readonly onOutput?: (line: string) => void;
}

/** Runs argv, never through a shell, in a separate process group that is killed as a whole. */
export type RunCommand = (argv: readonly [string, ...string[]], options: CommandOptions) => Promise<CommandResult>;

/** A secured connection to a node whose identity was proven. */
export interface NodeConnection {
  readonly name: string;
  /** The relays on the way, the nearest first, as they report; absent or empty when there are none. */
  readonly path?: readonly string[];
  /** Whether the node's certificate, as its handshake proved it, allows it to relay; absent without a handshake. */
  readonly hasRelayRole?: boolean;
  readonly describe: (request: DescribeRequest, signal: AbortSignal) => Promise<NodeDescription>;
  /**
   * @param isRead whether the call changes nothing (default false): only such a call may be sent again, where a way that
   * was remembered does not lead to the node any more
   */
  readonly call: (
    request: SignedRequest,
    onProgress: (message: string) => void,
    signal: AbortSignal,
    isRead?: boolean,
  ) => Promise<SignedReply>;
  readonly result: (request: SignedRequest, signal: AbortSignal) => Promise<ResultReply>;
  /** Sends a part of an artifact under a ticket that the node accepted. */
  readonly store: (request: StoreRequest, signal: AbortSignal) => Promise<StoreReply>;
  readonly close: () => void;
}

/**
 * Opens a connection to the node with that name and proves that it is that node.
 * @throws Problem `unreachable`, `foreign-certificate`, `wrong-node`, `expired-certificate`, …: why not
 */
export type Dial = (name: string, addresses: readonly Address[], signal: AbortSignal) => Promise<NodeConnection>;

/** A source of candidates. */
export interface DiscoverySource {
  readonly name: string;
  /**
   * Yields candidates as they are heard, and ends when the source has no more. The source may use the filter to return
   * fewer; a candidate that does not match is not an error.
   * @throws Problem when the source cannot be read or asked
   */
  readonly discover: (filter: FilterTerms, signal: AbortSignal) => AsyncIterable<Candidate>;
}

/** Two machines that both prove one name: they share a key. */
export interface DuplicateNode {
  readonly identity: string;
  /** Their addresses, the first machine first. */
  readonly addresses: readonly string[];
  /** Milliseconds since the epoch: when the second was first heard. */
  readonly since: number;
}

/** A node that proved itself to this one, and when it was last heard by multicast; its agents, classes and facts are claims. */
export interface HeardNode extends NodeFacts {
  readonly addresses: readonly Address[];
  /** Milliseconds since the epoch. */
  readonly lastHeard: number;
}

/** Sends the parts of a sealed reply. */
export interface SealedSink {
  readonly send: (event: SealedEvent) => void;
  /** Whether the reader is too slow for progress, which is then skipped. */
  readonly isCongested: () => boolean;
}

/** The service of a node for a caller on a secured connection as `peer`. */
export interface NodeService {
  readonly call: (
    request: SignedRequest,
    peer: Identity,
    onProgress: (message: string) => void,
    signal: AbortSignal,
  ) => Promise<SignedReply>;
  readonly result: (request: SignedRequest, peer: Identity) => Promise<ResultReply>;
  /** The key that requests are sealed to, signed. */
  readonly key: () => SignedKey;
  /**
   * Opens and serves a sealed request; the reply is sealed for the caller.
   * @param peer the relay that delivered it
   * @throws Problem `unknown-key`, `bad-seal`, `malformed-message`: faults that cannot be reported in a sealed reply
   */
  readonly sealed: (request: SealedRequest, peer: Identity, sink: SealedSink) => Promise<void>;
  /** @throws Problem `bad-filter` */
  readonly describe: (request: DescribeRequest, peer: Identity) => Promise<NodeDescription>;
  /**
   * Counts a call of a peer, with the size of its request in bytes.
   * @returns a function to call when it has ended
   * @throws Problem `busy`, `rate-limited`
   */
  readonly enter: (peer: Identity, bytes: number) => () => void;
  /** Records that a peer was refused before the pipeline (invalid certificate, limits), with its request if it was a call. */
  readonly turnAway: (peer: Identity | undefined, problem: Problem, request?: SignedRequest) => Promise<void>;
  /** The published artifacts on this node; undefined if it keeps none. */
  readonly artifacts?: () => ArtifactHolder | undefined;
  /** Whether the node accepts calls now. */
  readonly isServing: () => boolean;
}

/** The user of a relay: the identity of the connection, or `local` over the socket, whose permissions admit it. */
export type RelayUser = Identity | 'local';

/** The service of a relay. A problem that it throws is reported as the relay's own, not the node's. */
export interface RelayService {
  /** @throws Problem `policy-denied` */
  readonly admit: (user: RelayUser, action: 'forward' | 'discover') => Promise<void>;
  /**
   * Passes on a sealed request and its reply.
   * @throws Problem when the request does not arrive, or the reply ends early
   */
  readonly forward: (
    target: string,
    request: SealedRequest,
    user: RelayUser,
    onEvent: (event: SealedEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly discover: (
    request: DiscoverRequest,
    user: RelayUser,
    onNode: (event: DiscoverEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** The current credentials and trust: read again for every connection and every call, so that a reload takes effect. */
export interface TlsState {
  readonly credentials: Credentials;
  readonly trust: Trust;
}
