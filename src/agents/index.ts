import type { AgentEntry, CheckExternalAgents, FindExternalAgents } from '../core/agent.ts';
import { angeliaConfigSchema } from './angelia/config.ts';
import { angeliaDdl } from './angelia/ddl.ts';
import { appmgrConfigSchema } from './appmgr/config.ts';
import { appmgrDdl } from './appmgr/ddl.ts';
import { auditConfigSchema } from './audit/config.ts';
import { auditDdl } from './audit/ddl.ts';
import { configConfigSchema } from './config/config.ts';
import { configDdl } from './config/ddl.ts';
import { crlConfigSchema } from './crl/config.ts';
import { crlDdl } from './crl/ddl.ts';
import { haproxyConfigSchema } from './haproxy/config.ts';
import { haproxyDdl } from './haproxy/ddl.ts';
import { jobsConfigSchema } from './jobs/config.ts';
import { jobsDdl } from './jobs/ddl.ts';
import { journalConfigSchema } from './journal/config.ts';
import { journalDdl } from './journal/ddl.ts';
import { lockConfigSchema } from './lock/config.ts';
import { lockDdl } from './lock/ddl.ts';
import { nrpeConfigSchema } from './nrpe/config.ts';
import { nrpeDdl } from './nrpe/ddl.ts';
import { packageConfigSchema } from './package/config.ts';
import { packageDdl } from './package/ddl.ts';
import { publishConfigSchema } from './publish/config.ts';
import { publishDdl } from './publish/ddl.ts';
import { rpcutilConfigSchema } from './rpcutil/config.ts';
import { rpcutilDdl } from './rpcutil/ddl.ts';
import { serviceConfigSchema } from './service/config.ts';
import { serviceDdl } from './service/ddl.ts';

/** The existing agents: descriptions are loaded, code only by the daemon that enables it. */
export const agents: readonly AgentEntry[] = [
  {
    ddl: angeliaDdl,
    config: angeliaConfigSchema,
    load: async () => (await import('./angelia/agent.ts')).startAngelia,
  },
  {
    ddl: appmgrDdl,
    config: appmgrConfigSchema,
    load: async () => (await import('./appmgr/agent.ts')).startAppmgr,
    doctor: async () => (await import('./appmgr/doctor.ts')).doctorAppmgr,
  },
  {
    ddl: auditDdl,
    config: auditConfigSchema,
    load: async () => (await import('./audit/agent.ts')).startAudit,
  },
  {
    ddl: configDdl,
    config: configConfigSchema,
    load: async () => (await import('./config/agent.ts')).startConfig,
  },
  {
    ddl: crlDdl,
    config: crlConfigSchema,
    load: async () => (await import('./crl/agent.ts')).startCrl,
  },
  {
    ddl: haproxyDdl,
    config: haproxyConfigSchema,
    load: async () => (await import('./haproxy/agent.ts')).startHaproxy,
    doctor: async () => (await import('./haproxy/doctor.ts')).doctorHaproxy,
  },
  {
    ddl: jobsDdl,
    config: jobsConfigSchema,
    load: async () => (await import('./jobs/agent.ts')).startJobs,
  },
  {
    ddl: journalDdl,
    config: journalConfigSchema,
    load: async () => (await import('./journal/agent.ts')).startJournal,
  },
  {
    ddl: lockDdl,
    config: lockConfigSchema,
    load: async () => (await import('./lock/agent.ts')).startLock,
  },
  {
    ddl: nrpeDdl,
    config: nrpeConfigSchema,
    load: async () => (await import('./nrpe/agent.ts')).startNrpe,
    doctor: async () => (await import('./nrpe/doctor.ts')).doctorNrpe,
  },
  {
    ddl: packageDdl,
    config: packageConfigSchema,
    load: async () => (await import('./package/agent.ts')).startPackage,
  },
  {
    ddl: publishDdl,
    config: publishConfigSchema,
    load: async () => (await import('./publish/agent.ts')).startPublish,
  },
  {
    ddl: rpcutilDdl,
    config: rpcutilConfigSchema,
    load: async () => (await import('./rpcutil/agent.ts')).startRpcutil,
  },
  {
    ddl: serviceDdl,
    config: serviceConfigSchema,
    load: async () => (await import('./service/agent.ts')).startService,
    doctor: async () => (await import('./service/doctor.ts')).doctorService,
  },
];

/** The agents in other languages, which only their node can name. */
export const findExternal: FindExternalAgents = async (setup) =>
  (await import('./external/find.ts')).findExternalAgents(setup);

export const checkExternal: CheckExternalAgents = async (setup) =>
  (await import('./external/find.ts')).checkExternalAgents(setup);
