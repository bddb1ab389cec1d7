import type { CiaoService, Responder } from '@homebridge/ciao';
import type { Log } from '../../core/ports.ts';
import { hostnameOf, instanceOf } from './wire/instance.ts';
import { lastingInterfaces, type MulticastInterface, multicastInterfaces, withAddress } from './interfaces.ts';
import {
  advertiseByBothFamilies,
  advertiseOnly,
  keepProbesSmall,
  type OpenedResponder,
  openResponder,
} from './responder.ts';
import { serviceType } from './service.ts';
import { type ClaimedTerms, subtypesOf, txtEntries } from './wire/txt.ts';

export interface AnnounceSetup extends ClaimedTerms {
  readonly identity: string;
  readonly port: number;
  /** The only address that the daemon listens at, without a zone; undefined: it listens at all of the host's. */
  readonly address?: string;
  /** Names of interfaces; empty: all that support multicast. */
  readonly interfaces: readonly string[];
  readonly log: Log;
  /** Called once for each conflict. */
  readonly onConflict?: (message: string) => void;
  /** Milliseconds after which a name lost to another node is tried again (default a minute). */
  readonly retry?: number;
  /**
   * Milliseconds between checks of the interfaces: one that appeared, disappeared or changed its address needs an
   * announcement (default 15 s).
   */
  readonly look?: number;
}

/** A node that announces itself. */
export interface Announcing {
  /** The fault of the name, while another node holds it; undefined if there is none. */
  readonly conflict: () => string | undefined;
  /** Why others do not find it by multicast at the address of `listen`; undefined if they do. */
  readonly unreached: () => string | undefined;
  /** When this node first had the name (milliseconds since the epoch); undefined before. */
  readonly firstAnnounced: () => number | undefined;
  /** Announces changed claims (agents, classes, published facts). The node is away for a second if they did change. */
  readonly update: (claims: ClaimedTerms) => Promise<void>;
  /** Settles when the name was probed; only callers that want to know need to wait for it. */
  readonly settled: () => Promise<'announced' | 'conflict' | 'stopped'>;
  /** Says goodbye to the network. */
  readonly stop: () => Promise<void>;
}

/** One announcement from probing to goodbye. */
interface Presence {
  readonly unreached?: string;
  readonly settled: Promise<'announced' | 'conflict' | 'stopped'>;
  readonly stop: () => Promise<void>;
}

/** A goodbye that cannot be sent must not delay a daemon that stops. */
const goodbyeTimeout = 1000;

/**
 * Announces a node by multicast DNS: `_mco-deploy._tcp`, an instance with the name of the identity, subtypes for its
 * claims. Returns at once; the name is probed in the background (about 0.8 s, RFC 6762, 8.1). A name that another node
 * holds is never changed: it is reported, not announced, and tried again later.
 */
export async function startAnnouncing(setup: AnnounceSetup): Promise<Announcing> {
  let claims: ClaimedTerms = setup;
  const conflict = openConflict(setup);
  let firstAnnounced: number | undefined;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let presence = appear();
  const watch = watchInterfaces(setup, () => void renew());

  function appear(): Presence {
    const begun = announce(setup, claims, () => {
      if (begun === presence && !stopped) tryLater();
    });
    void begun.settled.then((outcome) => {
      if (begun !== presence || stopped || outcome !== 'announced') return;
      firstAnnounced ??= Date.now();
      conflict.forget();
    });
    return begun;
  }

  function tryLater(): void {
    conflict.report();
    clearTimeout(retry);
    retry = setTimeout(reappear, setup.retry ?? 60_000);
    retry.unref();
  }

  function reappear(): void {
    clearTimeout(retry);
    if (!stopped) presence = appear();
  }

  async function renew(): Promise<void> {
    const last = presence;
    await last.stop();
    if (presence === last) reappear();
  }

  return {
    conflict: conflict.message,
    unreached: () => presence.unreached,
    firstAnnounced: () => firstAnnounced,
    settled: () => presence.settled,
    async update(next) {
      if (stopped || sameAnnouncement(setup.identity, claims, next)) return;
      claims = next;
      await renew();
    },
    async stop() {
      stopped = true;
      watch.stop();
      clearTimeout(retry);
      await presence.stop();
    },
  };
}

/** The conflict of a node's name, reported once until it is over. */
function openConflict({ identity, log, onConflict }: AnnounceSetup) {
  let message: string | undefined;
  return {
    message: () => message,
    report: () => {
      if (message !== undefined) return;
      message = `another node on this network announces the name ${identity}: this one is not announced`;
      log.error({ identity }, message);
      onConflict?.(message);
    },
    forget: () => {
      if (message !== undefined) log.info({ identity }, `the name ${identity} is free again and announced`);
      message = undefined;
    },
  };
}

/** @param onChange called when an interface appeared, disappeared or changed its address */
function watchInterfaces(setup: AnnounceSetup, onChange: () => void): { readonly stop: () => void } {
  let before = placesOf(setup);
  const timer = setInterval(() => {
    const now = placesOf(setup);
    if (now === before) return;
    setup.log.info({}, 'the interfaces of this host have changed: the node announces itself again');
    before = now;
    onChange();
  }, setup.look ?? 15_000);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function placesOf(setup: AnnounceSetup): string {
  return JSON.stringify(lastingInterfaces(interfacesOf(setup)));
}

/** Where a node can be reached that is found there. */
function interfacesOf({ interfaces, address }: AnnounceSetup): readonly MulticastInterface[] {
  return withAddress(multicastInterfaces(interfaces), address);
}

function sameAnnouncement(identity: string, before: ClaimedTerms, after: ClaimedTerms): boolean {
  const announced = (claims: ClaimedTerms) => JSON.stringify([txtEntries(identity, claims), subtypesOf(claims)]);
  return announced(before) === announced(after);
}

function announce(setup: AnnounceSetup, claims: ClaimedTerms, onLost: () => void): Presence {
  const interfaces = interfacesOf(setup);
  if (interfaces.length === 0) {
    const ended: Presence = { settled: Promise.resolve('stopped'), stop: async () => undefined };
    const { address, log } = setup;
    if (address === undefined) {
      log.warn({ configured: setup.interfaces }, 'no network interface to announce this node on by multicast');
      return ended;
    }
    const unreached = `multicast does not announce this node: none of the network interfaces for multicast has the address in “listen.address”, ${address}`;
    log.warn({ configured: setup.interfaces }, unreached);
    return { ...ended, unreached };
  }
  const opened = openResponder(interfaces, instanceOf(setup.identity), setup.log);
  return present(opened, defineService(opened.responder, interfaces, setup, claims), onLost);
}

function defineService(
  responder: Responder,
  interfaces: readonly MulticastInterface[],
  { identity, port, address }: AnnounceSetup,
  claims: ClaimedTerms,
): CiaoService {
  const service = responder.createService({
    name: instanceOf(identity),
    type: serviceType,
    port,
    hostname: hostnameOf(identity, lastingInterfaces(interfaces)),
    subtypes: subtypesOf(claims),
    txt: txtEntries(identity, claims),
    restrictedAddresses: interfaces.map(({ name }) => name),
  });
  if (address !== undefined) advertiseOnly(service, address);
  return advertiseByBothFamilies(keepProbesSmall(service));
}

function present(opened: OpenedResponder, service: CiaoService, onLost: () => void): Presence {
  const outcome = Promise.withResolvers<'announced' | 'conflict' | 'stopped'>();
  let ended: Promise<void> | undefined;
  const end = () => {
    ended ??= leave(opened, service);
    return ended;
  };
  // Happens before anything is announced under the new name, and at any later time when a rival wins a new probe.
  service.once('name-change', () => {
    outcome.resolve('conflict');
    void end();
    onLost();
  });
  service.advertise().then(
    () => outcome.resolve('announced'),
    () => outcome.resolve('stopped'),
  );
  return {
    settled: outcome.promise,
    async stop() {
      outcome.resolve('stopped');
      await end();
    },
  };
}

async function leave({ responder, ready }: OpenedResponder, service: CiaoService): Promise<void> {
  const gone = service
    .destroy()
    // If they were closed before they are open, the sockets would stay.
    .catch(() => undefined)
    .then(() => ready)
    .then(() => responder.shutdown())
    .catch(() => undefined);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, goodbyeTimeout);
  await Promise.race([gone, late]);
  clearTimeout(timer);
}
