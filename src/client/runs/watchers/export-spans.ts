import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { explainErrno } from '../../../core/errors.ts';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span. Times are in milliseconds since the epoch, ids in hex. */
export interface Span {
  readonly traceId: string;
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly begun: number;
  readonly end: number;
  readonly attributes: Attributes;
  /** The code of why it failed. */
  readonly error?: string;
}

/** Sends spans by OTLP over HTTP, as JSON, in the background. */
export interface SpanExport {
  readonly add: (span: Span) => void;
  /** Sends the rest; waits at most half a second for that. */
  readonly end: () => Promise<void>;
}

/** The maximum number of spans that wait for the collector: further ones are counted and dropped. */
const most = 10_000;
/** Milliseconds: between two batches, for the answer to one, and for the last one after the run. */
const times = { interval: 1000, answer: 10_000, end: 500 } as const;

/** @param env the variables of OpenTelemetry’s specification (“OpenTelemetry Protocol Exporter”) */
export function startExport(env: Readonly<NodeJS.ProcessEnv>, warn: (line: string) => void): SpanExport {
  const target = targetOf(env);
  if (typeof target === 'string') {
    warn(`warning: the run is not traced: ${target}`);
    return { add: () => {}, end: async () => {} };
  }
  let waiting: Span[] = [];
  let dropped = 0;
  let fault: string | undefined;
  let sending: Promise<void> = Promise.resolve();
  const flush = () => {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    sending = sending.then(async () => {
      try {
        await post(target, batch, env);
      } catch (error) {
        fault ??= explainErrno(error);
      }
    });
  };
  const timer = setInterval(flush, times.interval).unref();
  return {
    add: (span) => {
      if (waiting.length < most) waiting.push(span);
      else dropped++;
    },
    end: async () => {
      clearInterval(timer);
      flush();
      const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), times.end).unref());
      if ((await Promise.race([sending, late])) === 'late') fault ??= `no answer within ${times.end} ms`;
      if (dropped > 0) fault ??= `${dropped} spans were left out`;
      if (fault !== undefined) warn(`warning: not all of the trace was sent to ${target.url.origin}: ${fault}`);
    },
  };
}

interface Target {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** @returns the destination, or why it is unknown */
function targetOf(env: Readonly<NodeJS.ProcessEnv>): Target | string {
  if (env.OTEL_SDK_DISABLED === 'true') return 'OTEL_SDK_DISABLED is true';
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json';
  if (protocol === 'grpc') return 'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and only http/json is known';
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? '';
  const text = own === '' ? `${(env.OTEL_EXPORTER_OTLP_ENDPOINT ?? '').replace(/\/$/, '')}/v1/traces` : own;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return `“${text}” is not a valid http or https address`;
  const headers = env.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? env.OTEL_EXPORTER_OTLP_HEADERS ?? '';
  return { url, headers: Object.fromEntries(pairsIn(headers)) };
}

/** `a=1,b=2`, percent-encoded, as in W3C Baggage. */
function pairsIn(text: string): [string, string][] {
  return text.split(',').flatMap((pair): [string, string][] => {
    const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (name === '') return [];
    try {
      return [[name, decodeURIComponent(value)]];
    } catch {
      return [[name, value]];
    }
  });
}

async function post({ url, headers }: Target, spans: readonly Span[], env: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  const body = JSON.stringify(messageOf(spans, env));
  const signal = AbortSignal.timeout(times.answer);
  await new Promise<void>((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, signal });
    // Its timers must not keep the program from ending.
    request.on('socket', (socket) => socket.unref());
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`it answers ${statusCode}`));
    });
    request.end(body);
  });
}

/** The message ExportTraceServiceRequest of opentelemetry-proto, in its JSON. */
function messageOf(spans: readonly Span[], env: Readonly<NodeJS.ProcessEnv>): object {
  const attributes = Object.fromEntries(pairsIn(env.OTEL_RESOURCE_ATTRIBUTES ?? ''));
  const service = env.OTEL_SERVICE_NAME ?? attributes['service.name'] ?? 'mco-deploy';
  const resource = { attributes: attributesOf({ ...attributes, 'service.name': service }) };
  const scope = { name: 'mco-deploy' };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map(spanMessage) }] }] };
}

function spanMessage({ traceId, id, parent, name, begun, end, attributes, error }: Span): object {
  return {
    traceId,
    spanId: id,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name,
    kind: 1,
    startTimeUnixNano: nanoseconds(begun),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributesOf(error === undefined ? attributes : { ...attributes, 'error.type': error }),
    status: error === undefined ? {} : { code: 2, message: error },
  };
}

/** A decimal text, because JSON's numbers do not hold 64 bits. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}

function attributesOf(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => {
    if (typeof value === 'string') return { key, value: { stringValue: value } };
    if (typeof value === 'boolean') return { key, value: { boolValue: value } };
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
  });
}
