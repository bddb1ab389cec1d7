import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Bytes of the body that are read. */
const bodyLimit = 4096;

/** The status and the beginning of the body that a URL gives. Rejects with a system error, or when aborted. */
export function get(url: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, signal, headers: { 'user-agent': 'mco-deploy' } }, (answer) => {
      let body = Buffer.alloc(0);
      const settle = () => {
        resolve({ status: answer.statusCode ?? 0, body: body.toString('utf8') });
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
