import { protocol } from '#protocol';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

const node = protocol['mco.v1.Node'] as unknown as ServiceDefinition;
export const relayService = protocol['mco.v1.Relay'] as unknown as ServiceDefinition;

/** @param name of a method of the service Node */
export function nodeMethod<Request, Response>(name: 'Key' | 'Sealed'): MethodDefinition<Request, Response> {
  return node[name] as MethodDefinition<Request, Response>;
}

/** @param name of a method of the service Relay */
export function relayMethod<Request, Response>(name: 'Forward' | 'Discover'): MethodDefinition<Request, Response> {
  return relayService[name] as MethodDefinition<Request, Response>;
}
