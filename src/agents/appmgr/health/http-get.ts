import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Bytes of the body that are read. */
const bodyLimit = 4096;

export interface HttpQuestion {
  readonly url: string;
  /** The virtual host, if it is not the one of the URL. */
  readonly host?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Its beginning. */
  readonly body: string;
  /** Whether it is a page for a browser. */
  readonly isPage: boolean;
}

/** The answer of a URL. Rejects with a system error, or when aborted. */
export function get({ url, host, headers }: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const all = { 'user-agent': 'mco-deploy', ...headers, ...(host === undefined ? {} : { host }) };
    const named = host === undefined || !/[A-Za-z]/.test(host) ? {} : { servername: host.replace(/:\d+$/, '') };
    const call = request(url, { agent: false, signal, headers: all, ...named }, (answer) => {
      let body = Buffer.alloc(0);
      const settle = () => {
        const text = body.toString('utf8');
        const type = answer.headers['content-type'] ?? '';
        resolve({ status: answer.statusCode ?? 0, body: text, isPage: type.includes('html') || /^\s*</.test(text) });
        call.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk.subarray(0, bodyLimit - body.length)]);
        if (body.length >= bodyLimit) settle();
      });
      answer.once('end', settle);
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}
