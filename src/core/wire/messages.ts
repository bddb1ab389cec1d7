/** The messages of proto/mco/v1/node.proto in memory. A contract test compares both. */

export interface Request {
  protocol: number;
  requestId: string;
  try: number;
  nonce: Buffer;
  target: string;
  caller: string;
  runId: string;
  step: string;
  lease: string;
  fence: number;
  agent: string;
  action: string;
  arguments: Buffer;
  issuedAt: number;
  timeToLive: number;
  deadline: number;
  dryRun: boolean;
  filter: FilterTerms | null;
  knownSequence: number;
  knownHash: Buffer;
  detach: boolean;
}

export interface SensitiveValue {
  salt: Buffer;
  value: Buffer;
}

export interface SignedRequest {
  request: Buffer;
  signature: Buffer;
  chain: Buffer[];
  sensitive: Record<string, SensitiveValue>;
}

export interface Progress {
  at: number;
  message: string;
}

export interface SignedReply {
  reply: Buffer;
  signature: Buffer;
  chain: Buffer[];
}

/** Exactly one of the two is set. */
export interface CallEvent {
  progress?: Progress | null;
  reply?: SignedReply | null;
}

export type HeadCheck = 'UNCHECKED' | 'CONTINUES' | 'BROKEN';

export type ReplyOutcome = 'ok' | 'failed' | 'refused' | 'cancelled';

export interface AuditHead {
  sequence: number;
  hash: Buffer;
  signature: Buffer;
}

export interface Reply {
  protocol: number;
  requestId: string;
  try: number;
  node: string;
  requestDigest: Buffer;
  outcome: ReplyOutcome;
  status: number;
  code: string;
  message: string;
  hint: string;
  data: Buffer;
  startedAt: number;
  finishedAt: number;
  recorded: boolean;
  auditHead: AuditHead | null;
  headCheck: HeadCheck;
}

export type ResultState = 'UNKNOWN' | 'RUNNING' | 'REPLIED';

export interface ResultReply {
  state: ResultState;
  reply?: SignedReply | null;
}

export interface FilterTerms {
  facts: string[];
  classes: string[];
  agents: string[];
  identities: string[];
  with: string[];
  select: string;
}

export interface DescribeRequest {
  filter: FilterTerms | null;
  facts: string[];
  full: boolean;
  peers: boolean;
}

export interface AgentDescription {
  name: string;
  version: string;
  ddl: Buffer;
}

export interface Peer {
  identity: string;
  address: string;
  port: number;
  lastHeard: number;
  facts: string[];
  agents: string[];
  classes: string[];
}

export interface NodeDescription {
  identity: string;
  version: string;
  protocol: number;
  matched: boolean;
  agents: AgentDescription[];
  classes: string[];
  facts: Buffer;
  peers: Peer[];
  warnings: string[];
  time: number;
  incomplete: string[];
  published: string[];
  duplicates: Duplicate[];
  daemon: Buffer;
}

export interface Duplicate {
  identity: string;
  addresses: string[];
  since: number;
}

// biome-ignore lint/suspicious/noEmptyInterface: a message without fields
export interface KeyRequest {}

export interface EncryptionKey {
  protocol: number;
  node: string;
  publicKey: Buffer;
  createdAt: number;
}

export interface SignedKey {
  key: Buffer;
  signature: Buffer;
  chain: Buffer[];
}

export interface SealedRequest {
  keyId: Buffer;
  ephemeral: Buffer;
  salt: Buffer;
  ciphertext: Buffer;
}

/** Exactly one of the two is set. */
export interface Envelope {
  call?: SignedRequest | null;
  query?: SignedQuery | null;
}

export interface SealedEvent {
  sequence: number;
  last: boolean;
  salt: Buffer;
  ciphertext: Buffer;
}

/** Exactly one of them is set. */
export interface EnvelopeReply {
  progress?: Progress | null;
  reply?: SignedReply | null;
  answer?: SignedQueryReply | null;
  turnAway?: TurnAway | null;
}

export interface TurnAway {
  code: string;
  message: string;
  hint: string;
}

/** Exactly one of the last three is set. */
export interface Query {
  protocol: number;
  nonce: Buffer;
  target: string;
  caller: string;
  issuedAt: number;
  timeToLive: number;
  describe?: DescribeRequest | null;
  result?: CallReference | null;
  cancel?: CallReference | null;
  store?: StoreRequest | null;
}

export interface CallReference {
  requestId: string;
  try: number;
  requestDigest: Buffer;
}

export interface SignedQuery {
  query: Buffer;
  signature: Buffer;
  chain: Buffer[];
}

export interface QueryReply {
  protocol: number;
  node: string;
  queryDigest: Buffer;
  description?: NodeDescription | null;
  result?: ResultReply | null;
  store?: StoreReply | null;
}

export interface SignedQueryReply {
  reply: Buffer;
  signature: Buffer;
  chain: Buffer[];
}

export interface ForwardRequest {
  id: number;
  target: string;
  sealed?: SealedRequest | null;
  drop: boolean;
}

export interface ForwardEvent {
  id: number;
  event?: SealedEvent | null;
  end?: Withheld | null;
}

export interface Withheld {
  code: string;
  message: string;
}

export interface DiscoverRequest {
  timeout: number;
  names: string[];
}

export interface DiscoverEvent {
  node: string;
  key?: SignedKey | null;
  path: string[];
  lastHeard: number;
}

/** Exactly one of the two is set. */
export interface LocalRequest {
  forward?: ForwardRequest | null;
  discover?: LocalDiscover | null;
}

export interface LocalDiscover {
  id: number;
  request?: DiscoverRequest | null;
  drop: boolean;
}

/** Exactly one of the two is set. */
export interface LocalEvent {
  forward?: ForwardEvent | null;
  discovered?: LocalDiscovered | null;
}

export interface LocalDiscovered {
  id: number;
  node?: DiscoverEvent | null;
  end?: Withheld | null;
}

export interface Ticket {
  protocol: number;
  nonce: Buffer;
  operator: string;
  application: string;
  revision: string;
  sha256: Buffer;
  size: number;
  manifestSha256: Buffer;
  nodes: string[];
  issuedAt: number;
  expiresAt: number;
  sumsSignature: Buffer;
}

export interface SignedTicket {
  ticket: Buffer;
  signature: Buffer;
  chain: Buffer[];
}

export interface Chunk {
  index: number;
  data: Buffer;
}

/** Exactly one of manifest and chunk is set. */
export interface StoreRequest {
  ticket: Buffer;
  manifest?: Buffer | null;
  chunk?: Chunk | null;
}

export interface StoreReply {
  missing: number;
}

export interface ChunkRange {
  first: number;
  count: number;
}

export interface FetchRequest {
  ticket: SignedTicket | null;
  manifest: boolean;
  wanted: ChunkRange[];
}

/** Exactly one of the two is set. */
export interface FetchEvent {
  manifest?: Buffer | null;
  chunk?: Chunk | null;
}
