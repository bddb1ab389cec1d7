import { ChannelCredentials, Client, type ServiceDefinition } from '@grpc/grpc-js';
import { protocol } from '#protocol';
import type { Fleet, Member } from '../fleet/fleet.ts';
import type { TestNode } from './node.ts';

const { Check: check } = protocol['grpc.health.v1.Health'] as unknown as ServiceDefinition;

/** The reply of the standard health service to a client that checks nothing itself. @throws ServiceError of gRPC */
export function askHealth(fleet: Fleet, { name, daemon }: TestNode, member?: Member): Promise<string> {
  if (check === undefined) throw new Error('there is no health service in the protocol');
  const pems = member === undefined ? [] : [Buffer.from(member.keyPem), Buffer.from(member.certificatePem)];
  const credentials = ChannelCredentials.createSsl(Buffer.from(fleet.caPem), ...pems);
  const options = { 'grpc.ssl_target_name_override': name, 'grpc.enable_retries': 0 };
  const client = new Client(`127.0.0.1:${daemon.port}`, credentials, options);
  const { path, requestSerialize, responseDeserialize } = check;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: '' }, (error, value) => {
      client.close();
      if (error) reject(error);
      else resolve((value as { status: string }).status);
    });
  });
}
