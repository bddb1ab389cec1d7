import { Problem, TurnedAway } from '../../core/errors.ts';
import type { NodeConnection } from '../../core/ports.ts';
import type { Route } from './routes.ts';

/** The ways that lead to a node. */
export interface Ways {
  /** The way that an earlier command had. */
  readonly recalled: Route | undefined;
  /** The ways to the node now, the best first; asks a relay again if its report is old. */
  readonly routes: (node: string) => Promise<readonly Route[]>;
  /** Connects to the node itself, if no relay helps. */
  readonly direct: (signal: AbortSignal) => Promise<NodeConnection>;
}

/** Chooses the way for each question to one node. */
export interface NodeWay {
  /** The relays on the way that was chosen last. */
  readonly path: () => readonly string[];
  /** Over a relay, or to the node itself where only an earlier command had a way over one. */
  readonly over: <T>(
    signal: AbortSignal,
    relayed: (route: Route) => Promise<T>,
    directly: (connection: NodeConnection) => Promise<T>,
  ) => Promise<T>;
  /** As `over`, but first on the way of an earlier command: what is sent may reach the node twice. */
  readonly recalledFirst: NodeWay['over'];
}

export function startNodeWay(name: string, { recalled, routes, direct }: Ways): NodeWay {
  let path: readonly string[] = [];
  /** Whether the way of an earlier command still led to the node; undefined: not tried. */
  let isValid: boolean | undefined;
  const best = async (): Promise<Route | undefined> => {
    if (recalled !== undefined && isValid === true && recalled.link.isOpen()) return recalled;
    const [route] = await routes(name);
    path = route?.path ?? [];
    if (route === undefined && recalled === undefined) {
      throw new Problem('unreachable', `no relay has a connection to ${name}`);
    }
    return route;
  };
  const over: NodeWay['over'] = async (signal, relayed, directly) => {
    const route = await best();
    if (route !== undefined) return await relayed(route);
    const connection = await direct(signal);
    return await directly(connection).finally(connection.close);
  };
  return {
    path: () => path,
    over,
    recalledFirst: async (signal, relayed, directly) => {
      if (recalled !== undefined && isValid === undefined) {
        path = recalled.path;
        try {
          const reply = await relayed(recalled);
          isValid = true;
          return reply;
        } catch (error) {
          isValid = false;
          if (signal.aborted || !isSilence(error)) throw error;
        }
      }
      return await over(signal, relayed, directly);
    },
  };
}

/** Whether a failure proves nothing about the node: a relay ended the call, or could not be reached. */
function isSilence(error: unknown): boolean {
  if (error instanceof TurnedAway) return false;
  return error instanceof Problem && (error.code === 'no-response' || error.code === 'unreachable');
}
