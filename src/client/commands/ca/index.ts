import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CliContext, CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';
import { parseApplication, parseDays, parseKind, parseValid } from '../../ca/options.ts';

/** @param catalogue the known agents */
export const caCommand = (catalogue: readonly Ddl[]): CommandEntry => ({
  name: 'ca',
  define(program, context) {
    const ca = program.command('ca').description('the fleet’s certificate authority');
    defineInit(ca, context);
    defineIssue(ca, context);
    defineSign(ca, context);
    defineSignIntermediate(ca, context);
    defineAccept(ca, context);
    defineRenew(ca, context);
    defineRevoke(ca, context);
    defineCrl(ca, context);
    definePushCrl(ca, catalogue, context);
    defineRollover(ca, context);
    defineList(ca, context);
    defineShow(ca, context);
  },
});

function withCommon(command: Command): Command {
  return command
    .option('--dir <dir>', 'directory of the CA (default: mco-deploy/ca in the XDG data directory)')
    .option('-j, --json', 'print JSON for machines');
}

function withKey(command: Command): Command {
  return withCommon(command).option(
    '--passphrase-file <file>',
    'file whose first line is the passphrase of the CA key (default: MCO_DEPLOY_CA_PASSPHRASE, else a prompt)',
  );
}

function withPlace(command: Command): Command {
  return withKey(command)
    .option('--out <dir>', 'write the files into this directory (default: named after the holder)')
    .option('--bundle <file>', 'write one .tar.gz, to be unpacked on the holder’s host')
    .option('--days <days>', 'days until it expires', parseDays)
    .option('--valid <time>', 'time until it expires, such as 30m, 8h or 7d (instead of --days)', parseValid)
    .option('--force', 'replace files that are there already');
}

function withRole(command: Command): Command {
  return command.option('--relay', 'let the node relay for others');
}

function withLimit(command: Command): Command {
  return command.option(
    '--for <application>',
    'limit the operator to this application (repeatable)',
    parseApplication as (text: string, before: readonly string[] | undefined) => readonly string[],
  );
}

function defineInit(ca: Command, context: CliContext): void {
  withKey(ca.command('init').description('create the CA of a realm'))
    .requiredOption('--realm <realm>', 'the name of the fleet in every identity, such as devco.net')
    .option('--days <days>', 'days until it expires', parseDays)
    .option('--encrypt', 'ask for a passphrase to encrypt the key with')
    .option('--root', 'create a root, which signs other CAs and is kept offline')
    .option('--intermediate', 'create a key and a request that a root signs')
    .option('--operator <name>', 'also issue a certificate for yourself, into your configuration')
    .action(async (options) => (await import('./init.ts')).initCa(options, context));
}

function defineIssue(ca: Command, context: CliContext): void {
  const issue = ca.command('issue').description('create a key and a certificate for a node or an operator');
  withRole(withPlace(issue.command('node').description('for a host, by its name').argument('<name>'))).action(
    async (name, options) => (await import('./issue.ts')).issueNew('node', name, options, context),
  );
  withLimit(
    withPlace(issue.command('operator').description('for a person or a job that calls').argument('<name>')),
  ).action(async (name, options) => (await import('./issue.ts')).issueNew('operator', name, options, context));
}

function defineSign(ca: Command, context: CliContext): void {
  withLimit(
    withRole(withPlace(ca.command('sign').description('sign the key in a request made by “mco-deploy enroll”'))),
  )
    .argument('<csr>', 'file of the request')
    .argument('<kind>', 'node or operator', parseKind)
    .argument('<name>', 'the holder of the certificate; the name in the request is ignored')
    .option('--fingerprint <fingerprint>', 'sign only when the key has this fingerprint')
    .option('--yes', 'sign without comparing the fingerprint')
    .action(async (csr, kind, name, options) =>
      (await import('./sign.ts')).signRequest(csr, kind, name, options, context),
    );
}

function defineSignIntermediate(ca: Command, context: CliContext): void {
  withKey(ca.command('sign-intermediate').description('on a root: sign the request of an intermediate CA'))
    .argument('<csr>', 'file of the request (ca.csr)')
    .option('--out <file>', 'write the file to carry back here (default: named after the CA)')
    .option('--days <days>', 'days until the intermediate CA expires', parseDays)
    .option('--fingerprint <fingerprint>', 'sign only when the key has this fingerprint')
    .option('--yes', 'sign without comparing the fingerprint')
    .option('--force', 'replace a file that is there already')
    .action(async (csr, options) => (await import('./sign-intermediate.ts')).signIntermediate(csr, options, context));
}

function defineAccept(ca: Command, context: CliContext): void {
  withKey(ca.command('accept').description('import what a root issued: the certificate of this CA, or a newer list'))
    .argument('<file>', 'what “ca sign-intermediate” wrote, or crl.pem of the root')
    .action(async (file, options) => (await import('./accept.ts')).acceptSigned(file, options, context));
}

function defineRenew(ca: Command, context: CliContext): void {
  withRole(withPlace(ca.command('renew').description('issue a new certificate for the key that a holder has')))
    .argument('<name>', 'name or serial')
    .option('--kind <kind>', 'node or operator, if both have the name', parseKind)
    .action(async (name, options) => (await import('./renew.ts')).renewCertificate(name, options, context));
}

function defineRevoke(ca: Command, context: CliContext): void {
  withKey(ca.command('revoke').description('revoke all certificates of a name, or one serial'))
    .argument('<name>', 'name or serial')
    .option('--kind <kind>', 'node or operator, if both have the name', parseKind)
    .option('--reason <reason>', 'keyCompromise, superseded, cessationOfOperation, …', 'unspecified')
    .action(async (name, options) => (await import('./revoke.ts')).revokeCertificates(name, options, context));
}

function defineCrl(ca: Command, context: CliContext): void {
  withKey(ca.command('crl').description('create the next revocation list'))
    .option('--out <file>', 'also write it to this file')
    .option('--days <days>', 'days until the one after it is due', parseDays)
    .action(async (options) => (await import('./crl.ts')).makeCrl(options, context));
}

function definePushCrl(ca: Command, catalogue: readonly Ddl[], context: CliContext): void {
  const push = withCommon(ca.command('push-crl').description('send the revocation list to the nodes'));
  addTargetOptions(push, catalogue)
    .option('--config <file>', "the operator's configuration (default: client.yaml in the XDG configuration directory)")
    .option('--file <file>', 'the list (default: the one of the CA)')
    .option('--check', 'only report which nodes have it')
    .action(async (options) => {
      const { pushCrl } = await import('./push-crl.ts');
      context.exit(await pushCrl(options, catalogue, context));
    });
}

function defineRollover(ca: Command, context: CliContext): void {
  withKey(
    ca
      .command('rollover')
      .description('create a new CA that takes over; both are trusted until the rollover is finished'),
  )
    .option('--days <days>', 'days until the new one expires', parseDays)
    .option('--intermediate', 'create a key and a request that a root signs; “ca accept” completes it')
    .option('--finish', 'end the trust in the old one')
    .action(async (options) => (await import('./rollover.ts')).rollOver(options, context));
}

function defineList(ca: Command, context: CliContext): void {
  withCommon(ca.command('list').description('list the issued certificates'))
    .option('--all', 'include expired and revoked certificates')
    .option('--expiring <days>', 'only those that expire within this many days', parseDays)
    .action(async (options) => (await import('./list.ts')).listIssued(options, context));
}

function defineShow(ca: Command, context: CliContext): void {
  withCommon(ca.command('show').description('show a certificate, or the CA'))
    .argument('[name]', 'name or serial')
    .option('--kind <kind>', 'node or operator, if both have the name', parseKind)
    .option('--pem', 'as PEM')
    .action(async (name, options) => (await import('./show.ts')).show(name, options, context));
}
