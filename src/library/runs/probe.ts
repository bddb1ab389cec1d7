import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { explainErrno } from '../../core/errors.ts';
import type { ProbeTarget } from '../../playbook/ports.ts';

/** The number of bytes of a body that are read. */
const largestBody = 64 * 1024;

/**
 * Checks once whether a port accepts connections, or a URL answers as required.
 * @param timeout milliseconds
 * @returns the reason if not; undefined if it does. Never throws
 */
export function probe(target: ProbeTarget, timeout: number, signal: AbortSignal): Promise<string | undefined> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeout))]);
  return target.url === undefined ? probePort(target.tcp ?? '', both) : probeUrl(target.url, target, both);
}

function probePort(address: string, signal: AbortSignal): Promise<string | undefined> {
  const [, host = '', port = '0'] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (host === '') return Promise.resolve(`“${address}” is not HOST:PORT`);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error) => resolve(signal.aborted ? 'no connection in time' : explainErrno(error)));
  });
}

function probeUrl(url: string, target: ProbeTarget, signal: AbortSignal): Promise<string | undefined> {
  if (!URL.canParse(url)) return Promise.resolve(`“${url}” is not a URL`);
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const call = request(url, { agent: false, signal, headers: { 'user-agent': 'mco-deploy' } }, (answer) => {
      let body = '';
      const settle = () => {
        call.destroy();
        resolve(faultIn(answer.statusCode ?? 0, body, target));
      };
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
        if (body.length >= largestBody) settle();
      });
      answer.once('end', settle);
      answer.on('error', (error) => resolve(explainErrno(error)));
    });
    call.on('error', (error) => resolve(signal.aborted ? 'no answer in time' : explainErrno(error)));
    call.end();
  });
}

function faultIn(status: number, body: string, target: ProbeTarget): string | undefined {
  const good = target.status === undefined ? status >= 200 && status <= 299 : status === Number(target.status);
  if (!good) return `status ${status}`;
  return target.body === undefined || body.includes(target.body)
    ? undefined
    : `status ${status} without “${target.body}”`;
}
