import { once } from '../../../core/waiting/concurrency.ts';
import { dirname, resolve } from 'node:path';
import { readStoredCrl } from '../../../ca/store/records.ts';
import { trustedPem } from '../../../ca/store/store.ts';
import type { Authority } from '../../../ca/x509/authority.ts';
import type { SshTransport } from '../../apply/over-ssh.ts';
import { openCa, unlockCa } from '../../ca/open.ts';
import { caOptionsOf } from '../../ca/options.ts';
import type { CliContext } from '../../cli/context.ts';
import type { Session } from '../../fleet/session.ts';
import type { Fleet } from '../../fleet-file/model.ts';
import { openProgram } from '../../install/program.ts';
import { debianOf, describer, pathsOf, requireService, sshSettings } from '../install/install.ts';
import type { ApplyOptions, ProgramParts } from './options.ts';

/** The CA is opened only if a host is reached by ssh. */
export async function openSshTransport(
  { ssh, file }: Fleet,
  options: ApplyOptions,
  { own }: ProgramParts,
  session: Session,
  context: CliContext,
): Promise<SshTransport> {
  const caOptions = caOptionsOf(options);
  const program = await openProgram(options, own);
  const store = await openCa(caOptions, context);
  const crl = await readStoredCrl(store);
  const service = options.service ?? ssh.service;
  const user = options.user ?? ssh.user;
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(dirname(file), path));
  const { sshConfig = at(ssh.config), identity = at(ssh.identity) } = options;
  const login = {
    ...(sshConfig === undefined ? {} : { sshConfig }),
    ...(identity === undefined ? {} : { identity }),
    acceptNewHostKeys: options.acceptNewHostKeys ?? ssh.accept_new_host_keys ?? false,
  };
  return {
    paths: pathsOf(program, options),
    trust: { ca: trustedPem(store), ...(crl === undefined ? {} : { crl }) },
    ...(user === undefined ? {} : { user }),
    options: {
      program,
      ...(await debianOf(options, program, own)),
      store,
      authority: once((): Promise<Authority> => unlockCa(store, caOptions, context)),
      service: service === undefined ? undefined : requireService(service),
      dryRun: false,
      replace: options.replace === true,
      ssh: sshSettings(login, context),
      describe: describer(session, context),
      patience: options.wait * 1000,
    },
  };
}
