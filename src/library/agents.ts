/** The agents that are built in, by their descriptions. Written by “npm run docs”. */
export interface Agents {
  /** Notifies people: by mail, by webhook, by push service, by a program */
  angelia: {
    /** Accepts a message for delivery, and delivers it at once where it can */
    sendmsg: {
      input: {
        /** The text; it may have several lines */
        readonly message: string;
        /** One line */
        readonly subject?: string;
        /** mailto:ADDRESS, webhook:NAME, exec:NAME, or the scheme of a configured push service */
        readonly recipient: string;
        /** Its importance, for receivers that distinguish it */
        readonly priority?: "low" | "normal" | "high";
        /** Seconds to keep it and then send it, unless the run that asks repeats the call before that; 0 withdraws it */
        readonly hold?: number;
      };
      output: {
        /** The same on every node and at every try */
        readonly id: string;
        readonly delivered: boolean;
        /** Kept for another try */
        readonly queued: boolean;
        /** Kept until its run stops renewing it */
        readonly held?: boolean;
      };
    };
    /** How many messages wait, were delivered, or were given up */
    status: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly queued: number;
        /** In the last seven days */
        readonly delivered: number;
        /** Given up, and kept for inspection */
        readonly dead: number;
        /** Seconds that the oldest one waits */
        readonly oldest: number;
      };
    };
    /** Lists the messages that wait and the dead letters, the oldest 100 of each, without their text */
    queue: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly queued: readonly {
          readonly id: string;
          readonly recipient: string;
          readonly subject: string;
          /** Seconds since it was accepted */
          readonly age: number;
          readonly attempts: number;
          /** Why the last try failed */
          readonly reason: string;
          /** Seconds until the next try */
          readonly next: number;
        }[];
        readonly dead: readonly {
          readonly id: string;
          readonly recipient: string;
          readonly subject: string;
          /** Seconds since it was accepted */
          readonly age: number;
          readonly attempts: number;
          /** Why the last try failed */
          readonly reason: string;
        }[];
      };
    };
    /** Tries what waits now; a dead letter, named by its id, is put back into the queue */
    retry: {
      input: {
        /** One message; default: all that wait */
        readonly id?: string;
      };
      output: {
        readonly retried: readonly string[];
      };
    };
  };
  /** Puts releases of applications into service */
  appmgr: {
    /** Unpacks a verified release, switches to it, reloads the service and checks its health */
    upgrade: {
      input: {
        /** The revision, as in the name of its artifact */
        readonly revision: string;
        /** The application; optional where the node has only one */
        readonly application?: string;
      };
      output: {
        readonly application: string;
        /** The release that serves afterwards */
        readonly revision: string;
        /** The release that served before; empty for none */
        readonly previous: string;
        readonly changed: boolean;
      };
    };
    /** Restarts the service on the release that it has, and checks its health */
    restart: {
      input: {
        /** The application; optional where the node has only one */
        readonly application?: string;
      };
      output: {
        readonly application: string;
        /** What serves */
        readonly revision: string;
        /** In words; empty where nothing is checked */
        readonly health: string;
      };
    };
    /** Copies a verified release to the node in advance, so that an upgrade to it is only a switch */
    fetch: {
      input: {
        /** The revision, as in the name of its artifact */
        readonly revision: string;
        /** The application; optional where the node has only one */
        readonly application?: string;
      };
      output: {
        readonly application: string;
        readonly revision: string;
        /** False when it was here already */
        readonly changed: boolean;
      };
    };
    /** Returns to a release that is still on the node: to the one that served before, or to a named one */
    rollback: {
      input: {
        /** The release to return to; default: the one that served before */
        readonly revision?: string;
        /** The release to leave; where another is in service, nothing is done */
        readonly from?: string;
        /** The application; optional where the node has only one */
        readonly application?: string;
      };
      output: {
        readonly application: string;
        /** The release that serves afterwards */
        readonly revision: string;
        /** The release that served before; empty for none */
        readonly previous: string;
        readonly changed: boolean;
      };
    };
    /** The releases on the node, which of them serves, and what a rollback would go back to */
    releases: {
      input: {
        /** The application; optional where the node has only one */
        readonly application?: string;
      };
      output: {
        readonly application: string;
        /** What serves; empty for none */
        readonly revision: string;
        /** What a rollback would go back to */
        readonly previous: string;
        /** The release that was being activated when a call was cut off; empty for none */
        readonly unfinished: string;
        /** The oldest first */
        readonly releases: readonly {
          readonly revision: string;
          /** Here since (milliseconds since the epoch); 0 for unknown */
          readonly since: number;
          /** False where appmgr did not finish unpacking it */
          readonly whole: boolean;
        }[];
      };
    };
    /** The release that serves, its health, and the releases on the node */
    status: {
      input: {
        /** The application; optional where the node has only one */
        readonly application?: string;
        /** The revision, as in the name of its artifact */
        readonly revision?: string;
        /** Each application of the node, in “applications” */
        readonly all?: boolean;
      };
      output: {
        readonly application: string;
        /** What serves; empty for none */
        readonly revision: string;
        /** What served before it; empty for none */
        readonly previous?: string;
        readonly healthy: boolean;
        readonly health: string;
        readonly releases: readonly string[];
        /** Whether the requested revision is unpacked here or can be */
        readonly has_revision: boolean;
        /** When it began to serve (milliseconds since the epoch); absent where that is not known */
        readonly since?: number;
        /** Who put it into service */
        readonly caller?: string;
        /** The run that did; empty for a single call */
        readonly run?: string;
        /** The status of each application, where all were requested */
        readonly applications?: readonly {
          readonly application: string;
          /** What serves; empty for none */
          readonly revision: string;
          /** What served before it; empty for none */
          readonly previous?: string;
          readonly healthy: boolean;
          readonly health: string;
          readonly releases: readonly string[];
          /** Whether the requested revision is unpacked here or can be */
          readonly has_revision: boolean;
          /** When it began to serve (milliseconds since the epoch); absent where that is not known */
          readonly since?: number;
          /** Who put it into service */
          readonly caller?: string;
          /** The run that did; empty for a single call */
          readonly run?: string;
        }[];
      };
    };
  };
  /** Reads and checks the node's own audit log */
  audit: {
    /** Returns records of the log exactly as written, with the certificates that verify them */
    records: {
      input: {
        /** The id of a run */
        readonly run?: string;
        /** The id of a request */
        readonly request?: string;
        /** Not before this time (ISO 8601) */
        readonly since?: string;
        /** Only records after this sequence number */
        readonly after?: number;
        /** The most records to return */
        readonly limit?: number;
      };
      output: {
        readonly lines: readonly string[];
        /** Records that contain the certificates */
        readonly certificates: readonly string[];
        /** The value of “after” for the next page; 0: there is none */
        readonly next: number;
      };
    };
    /** Ends the warnings about an audit log that was moved away, removed, cut or changed by another program */
    acknowledge: {
      input: {
        /** The end of the log that the caller knew and forgets, as SEQUENCE:HASH */
        readonly head?: string;
        /** What was found out, for the record */
        readonly reason?: string;
      };
      output: {
        readonly acknowledged: number;
      };
    };
    /** Checks every signature and the chain of the whole log, as the node sees it */
    verify: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly holds: boolean;
        readonly records: number;
        readonly files: readonly string[];
        /** SEQUENCE:HASH of the last record */
        readonly end: string;
        /** The first record that is wrong */
        readonly fault: string;
      };
    };
  };
  /** Changes the files of the configuration; a change that nobody confirms within a minute is undone */
  config: {
    /** Returns the sums of the files, and which change waits for confirmation */
    status: {
      input: Readonly<Record<string, never>>;
      output: {
        /** This run of the daemon */
        readonly instance: string;
        /** SHA-256 over all files */
        readonly digest: string;
        /** The change that waits for confirmation */
        readonly pending: string;
        /** The last change that was undone */
        readonly returned: string;
        /** Why it was undone */
        readonly why: string;
        /** Every file that has a kind */
        readonly files: readonly {
          /** What the file is for: there is a right for each */
          readonly kind: "settings" | "policies" | "facts" | "classes" | "checks" | "hooks";
          readonly name: string;
          readonly sha256: string;
          /** Whether nobody has changed it since it was applied */
          readonly applied: boolean;
        }[];
      };
    };
    /** Returns the files with their contents */
    files: {
      input: Readonly<Record<string, never>>;
      output: {
        /** This run of the daemon */
        readonly instance: string;
        /** SHA-256 over all files */
        readonly digest: string;
        /** Where they are */
        readonly directory: string;
        /** What was applied: the sums of the files by their paths, as JSON */
        readonly manifest: string;
        readonly files: readonly {
          /** What the file is for: there is a right for each */
          readonly kind: "settings" | "policies" | "facts" | "classes" | "checks" | "hooks";
          readonly name: string;
          readonly content: string;
        }[];
      };
    };
    /** Replaces files; a change that is not confirmed within a minute is undone */
    apply: {
      input: {
        /** The digest of the files that the operator saw */
        readonly previous: string;
        /** The SHA-256 of each file, for the audit log; empty for one that is removed */
        readonly sums: readonly {
          /** What the file is for: there is a right for each */
          readonly kind: "settings" | "policies" | "facts" | "classes" | "checks" | "hooks";
          readonly name: string;
          readonly sha256: string;
        }[];
        /** The files; null removes one */
        readonly files: readonly {
          /** What the file is for: there is a right for each */
          readonly kind: "settings" | "policies" | "facts" | "classes" | "checks" | "hooks";
          readonly name: string;
          readonly content: string | null;
        }[];
      };
      output: {
        /** The change to confirm */
        readonly change: string;
        readonly effect: "at-once" | "reload" | "restart";
        /** SHA-256 over all files afterwards */
        readonly digest: string;
        /** Until when it must be confirmed */
        readonly until: string;
      };
    };
    /** Keeps a change, as the operator who made it can still reach the node */
    confirm: {
      input: {
        readonly change: string;
      };
      output: {
        readonly change: string;
        readonly confirmed: boolean;
      };
    };
  };
  /** Accepts newer revocation lists of the CA of the fleet, and returns which one is in force */
  crl: {
    /** Returns which revocation lists are in force */
    status: {
      input: Readonly<Record<string, never>>;
      output: {
        /** The newest list of each trusted CA */
        readonly lists: readonly {
          /** Fingerprint (SHA-256) of the CA’s certificate */
          readonly issuer: string;
          /** The CRL number: a newer list has a higher one */
          readonly number: number;
          readonly this_update: string;
          readonly next_update: string;
          /** How many certificates it names */
          readonly revoked: number;
        }[];
      };
    };
    /** Puts a newer revocation list in force; only one that a trusted CA signed, and never an older one */
    install: {
      input: {
        /** The list in PEM */
        readonly crl: string;
        /** SHA-256 of the whole in hex, where it comes in parts: it takes effect with the last of them */
        readonly digest?: string;
        /** Which part this is, from 1 */
        readonly part?: number;
        /** How many parts there are */
        readonly parts?: number;
      };
      output: {
        readonly changed: boolean;
        /** The newest list of each trusted CA */
        readonly lists: readonly {
          /** Fingerprint (SHA-256) of the CA’s certificate */
          readonly issuer: string;
          /** The CRL number: a newer list has a higher one */
          readonly number: number;
          readonly this_update: string;
          readonly next_update: string;
          /** How many certificates it names */
          readonly revoked: number;
        }[];
      };
    };
  };
  /** Takes hosts out of a load balancer’s traffic and puts them back */
  haproxy: {
    /** Backends with their servers, and every line that leads to each host asked for */
    list: {
      input: {
        /** Backends, separated by commas; left out, every one that leads to the hosts */
        readonly backend?: string;
        /** Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines */
        readonly server?: string;
        /** Only the lines with these ports, separated by commas; the node’s configuration decides when not given */
        readonly port?: string;
      };
      output: {
        readonly backends: readonly {
          readonly name: string;
          readonly servers: readonly string[];
        }[];
        /** Backends that hold all the hosts asked for */
        readonly holding: readonly string[];
        /** The hosts asked for that a line leads to */
        readonly hosts: readonly {
          readonly name: string;
          readonly backends: readonly string[];
          readonly lines: readonly string[];
        }[];
        /** The hosts asked for that no line leads to */
        readonly unknown: readonly string[];
        /** Hosts that lines beside the backends and ports asked for send requests, with these; left out if none does */
        readonly elsewhere?: readonly {
          readonly name: string;
          readonly lines: readonly string[];
        }[];
      };
    };
    /** Returns the state of hosts in HAProxy, by every line that leads to them */
    status: {
      input: {
        /** Backends, separated by commas; left out, every one that leads to the hosts */
        readonly backend?: string;
        /** Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines */
        readonly server?: string;
        /** Only the lines with these ports, separated by commas; the node’s configuration decides when not given */
        readonly port?: string;
      };
      output: {
        readonly backend: string;
        /** Whether all hosts asked for take traffic on all their lines, save for those with a configured weight of 0 */
        readonly ready: boolean;
        /** Hosts asked for that do not */
        readonly out: readonly string[];
        /** Who took hosts out, where this was not the calling run, and lines that take no traffic for another reason, in sentences; left out if there are none */
        readonly notes?: readonly string[];
        readonly servers: readonly {
          /** The host: as asked for, else HAProxy’s name */
          readonly name: string;
          /** HAProxy’s name, or names */
          readonly server: string;
          /** Address and port, of the first line that takes no traffic, else of the first */
          readonly address: string;
          /** As “show stat” has it, of the first line that takes no traffic, else of the first */
          readonly status: string;
          /** What the check said that keeps it out, else the last one, of the first line that takes no traffic, else of the first */
          readonly check: string;
          /** On all lines together */
          readonly sessions: number;
          readonly weight: number;
          /** When it was taken out (milliseconds since the epoch) */
          readonly since?: number;
          /** The caller who did it */
          readonly caller?: string;
          /** In which run */
          readonly run?: string;
          /** Since when it has been out without a break (milliseconds since the epoch) */
          readonly out_since?: number;
          /** What put it in while it was held out; the latest */
          readonly breaks?: readonly {
            /** When it was noticed (milliseconds since the epoch) */
            readonly at: number;
            readonly socket: string;
            /** BACKEND/SERVER */
            readonly line: string;
            /** What put it back into traffic */
            readonly cause: string;
            /** Where that can be seen */
            readonly where: string;
          }[];
          /** Whether all its lines take traffic, save for those with a configured weight of 0 */
          readonly in_rotation: boolean;
          /** How many of its lines take traffic */
          readonly serving: number;
          /** BACKEND/SERVER beside these that still sends it requests, and any HAProxy process without a socket here */
          readonly still_serving: readonly string[];
          readonly lines: readonly {
            /** BACKEND/SERVER */
            readonly line: string;
            /** Of which HAProxy process */
            readonly socket: string;
            readonly address: string;
            readonly status: string;
            readonly check: string;
            readonly sessions: number;
            readonly weight: number;
            readonly in_rotation: boolean;
          }[];
        }[];
        /** The HAProxy processes asked: another pid or start than before means a reload or restart */
        readonly processes: readonly {
          readonly socket: string;
          readonly version: string;
          readonly pid: number;
          /** Seconds */
          readonly uptime: number;
          /** Seconds since the epoch; reported by HAProxy 2.4 and later */
          readonly started?: number;
        }[];
      };
    };
    /** Takes hosts out: lets their sessions end, then puts every line that leads to them into maintenance */
    disable: {
      input: {
        /** Backends, separated by commas; left out, every one that leads to the hosts */
        readonly backend?: string;
        /** Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines */
        readonly server: string;
        /** Only the lines with these ports, separated by commas; the node’s configuration decides when not given */
        readonly port?: string;
        /** Usable servers that must be left in each backend; the node’s configuration decides when not given */
        readonly min_available?: number;
        /** Seconds for sessions to end; the node’s configuration decides when not given */
        readonly drain_timeout?: number;
        /** Whether to end by force the sessions that are left then */
        readonly shutdown?: boolean;
      };
      output: {
        /** The backends that are meant, separated by commas */
        readonly backend: string;
        /** Hosts that were changed (in a dry run: would be) */
        readonly changed: readonly string[];
        /** Hosts that were already as asked */
        readonly unchanged: readonly string[];
        /** Usable servers that remain, in the backend with the fewest */
        readonly available: number;
        /** Each host with its lines */
        readonly hosts: readonly {
          readonly name: string;
          /** BACKEND/SERVER of every line that is meant */
          readonly lines: readonly string[];
          /** BACKEND/SERVER beside these that still sends it requests, and any HAProxy process without a socket here */
          readonly still_serving: readonly string[];
          /** Since when it has been out without a break (milliseconds since the epoch) */
          readonly out_since?: number;
          /** Sessions that did not end in time, and may still send it requests */
          readonly sessions_left?: number;
        }[];
        /** Sessions that were ended by force, where asked for */
        readonly ended?: number;
      };
    };
    /** Reads how much of the traffic hosts get, and sets it where a weight is given */
    weight: {
      input: {
        /** Backends, separated by commas; left out, every one that leads to the hosts */
        readonly backend?: string;
        /** Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines */
        readonly server: string;
        /** Only the lines with these ports, separated by commas; the node’s configuration decides when not given */
        readonly port?: string;
        /** 0 to 256, or a percentage of the weight that HAProxy’s configuration gives; left out, it is read */
        readonly weight?: string;
        /** Usable servers that must be left in each backend; the node’s configuration decides when not given */
        readonly min_available?: number;
      };
      output: {
        /** The backends that are meant, separated by commas */
        readonly backend: string;
        /** Hosts that were changed (in a dry run: would be) */
        readonly changed: readonly string[];
        /** Hosts that were already as asked */
        readonly unchanged: readonly string[];
        /** Usable servers that remain, in the backend with the fewest */
        readonly available: number;
        readonly servers: readonly {
          /** As asked for */
          readonly name: string;
          /** HAProxy’s name; BACKEND/SERVER where several lines lead to it */
          readonly server: string;
          readonly weight: number;
          /** What HAProxy’s configuration gives */
          readonly initial: number;
        }[];
      };
    };
    /** Puts hosts back into traffic once a fresh health check has passed and their agent-checks agree */
    enable: {
      input: {
        /** Backends, separated by commas; left out, every one that leads to the hosts */
        readonly backend?: string;
        /** Hosts, separated by commas: by name, address or HAProxy’s name for one of their lines */
        readonly server: string;
        /** Only the lines with these ports, separated by commas; the node’s configuration decides when not given */
        readonly port?: string;
        /** Put in only hosts that this run took out */
        readonly own?: boolean;
        /** Whether lines of hosts that are held out may be gone; where all are, only the hold ends */
        readonly forget?: boolean;
      };
      output: {
        /** The backends that are meant, separated by commas */
        readonly backend: string;
        /** Hosts that were changed (in a dry run: would be) */
        readonly changed: readonly string[];
        /** Hosts that were already as asked */
        readonly unchanged: readonly string[];
        /** Usable servers that remain, in the backend with the fewest */
        readonly available: number;
        /** Each host with its lines */
        readonly hosts: readonly {
          readonly name: string;
          /** BACKEND/SERVER of every line that is meant */
          readonly lines: readonly string[];
          /** BACKEND/SERVER beside these that still sends it requests, and any HAProxy process without a socket here */
          readonly still_serving: readonly string[];
          /** Since when it has been out without a break (milliseconds since the epoch) */
          readonly out_since?: number;
          /** Sessions that did not end in time, and may still send it requests */
          readonly sessions_left?: number;
        }[];
      };
    };
  };
  /** Keeps calls that their callers do not wait for (rpc --detach), and their outcomes */
  jobs: {
    /** The jobs of the caller */
    list: {
      input: {
        /** Only jobs whose ids begin with this */
        readonly prefix?: string;
      };
      output: {
        /** The latest first */
        readonly jobs: readonly {
          /** The id of the job: that of its request */
          readonly id: string;
          /** The agent */
          readonly agent: string;
          /** The action */
          readonly action: string;
          /** Who started it */
          readonly caller: string;
          /** The run that it belongs to; empty outside of one */
          readonly run: string;
          /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
          readonly state: string;
          /** Milliseconds since the epoch */
          readonly began: number;
          /** Milliseconds since the epoch; 0 while it runs */
          readonly ended: number;
        }[];
      };
    };
    /** A job of the caller, and its outcome */
    show: {
      input: {
        /** The id of the job: that of its request */
        readonly id: string;
      };
      output: {
        /** The id of the job: that of its request */
        readonly id: string;
        /** The agent */
        readonly agent: string;
        /** The action */
        readonly action: string;
        /** Who started it */
        readonly caller: string;
        /** The run that it belongs to; empty outside of one */
        readonly run: string;
        /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
        readonly state: string;
        /** Milliseconds since the epoch */
        readonly began: number;
        /** Milliseconds since the epoch; 0 while it runs */
        readonly ended: number;
        /** The status of its reply */
        readonly status: number;
        /** The code of its reply */
        readonly code: string;
        /** The message of its reply */
        readonly message: string;
        /** Its latest progress while it runs */
        readonly progress: string;
        /** Its output */
        readonly data: Readonly<Record<string, unknown>>;
        /** Whether its output was too large to be kept */
        readonly left_out: boolean;
      };
    };
    /** Cancels a job of the caller; one that has ended is not changed */
    cancel: {
      input: {
        /** The id of the job: that of its request */
        readonly id: string;
      };
      output: {
        /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
        readonly state: string;
      };
    };
    /** The jobs of all callers */
    list_any: {
      input: {
        /** Only jobs whose ids begin with this */
        readonly prefix?: string;
      };
      output: {
        /** The latest first */
        readonly jobs: readonly {
          /** The id of the job: that of its request */
          readonly id: string;
          /** The agent */
          readonly agent: string;
          /** The action */
          readonly action: string;
          /** Who started it */
          readonly caller: string;
          /** The run that it belongs to; empty outside of one */
          readonly run: string;
          /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
          readonly state: string;
          /** Milliseconds since the epoch */
          readonly began: number;
          /** Milliseconds since the epoch; 0 while it runs */
          readonly ended: number;
        }[];
      };
    };
    /** A job of any caller, and its outcome */
    show_any: {
      input: {
        /** The id of the job: that of its request */
        readonly id: string;
      };
      output: {
        /** The id of the job: that of its request */
        readonly id: string;
        /** The agent */
        readonly agent: string;
        /** The action */
        readonly action: string;
        /** Who started it */
        readonly caller: string;
        /** The run that it belongs to; empty outside of one */
        readonly run: string;
        /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
        readonly state: string;
        /** Milliseconds since the epoch */
        readonly began: number;
        /** Milliseconds since the epoch; 0 while it runs */
        readonly ended: number;
        /** The status of its reply */
        readonly status: number;
        /** The code of its reply */
        readonly code: string;
        /** The message of its reply */
        readonly message: string;
        /** Its latest progress while it runs */
        readonly progress: string;
        /** Its output */
        readonly data: Readonly<Record<string, unknown>>;
        /** Whether its output was too large to be kept */
        readonly left_out: boolean;
      };
    };
    /** Cancels a job of any caller */
    cancel_any: {
      input: {
        /** The id of the job: that of its request */
        readonly id: string;
      };
      output: {
        /** running, ok, failed, refused, cancelled; unknown where the daemon died while it ran */
        readonly state: string;
      };
    };
  };
  /** Stores the journals of runs, so that a run can be seen and resumed from any machine */
  journal: {
    /** Stores lines of the journal of the run that asks, which must hold the lease that its journal names */
    append: {
      input: {
        /** How many lines there are before these */
        readonly after: number;
        /** Lines, in order */
        readonly lines: readonly {
          /** JSON; exactly these bytes are signed */
          readonly text: string;
          /** Signature of the operator who wrote it, Base64 */
          readonly signature: string;
        }[];
        /** SHA-256 (hex) of the last line; the audit log has only this */
        readonly head: string;
      };
      output: {
        /** How many lines the node has */
        readonly sequence: number;
      };
    };
    /** The runs whose journals are stored here, the most recently written first */
    list: {
      input: {
        /** Maximum number of lines */
        readonly limit?: number;
        /** Only runs whose ids begin with this */
        readonly prefix?: string;
      };
      output: {
        readonly runs: readonly {
          /** The run */
          readonly run: string;
          /** How many lines the node has */
          readonly sequence: number;
          /** Size on the disk */
          readonly bytes: number;
          /** When it was last written to: milliseconds since the epoch */
          readonly at: number;
        }[];
      };
    };
    /** The lines of the journal of a run */
    read: {
      input: {
        /** The run */
        readonly run: string;
        /** How many lines are known already */
        readonly after?: number;
      };
      output: {
        /** How many lines the node has */
        readonly sequence: number;
        /** As many as fit into a reply */
        readonly lines: readonly {
          /** JSON; exactly these bytes are signed */
          readonly text: string;
          /** Signature of the operator who wrote it, Base64 */
          readonly signature: string;
        }[];
      };
    };
  };
  /** Keeps leases, so that two runs do not change the node at the same time */
  lock: {
    /** Takes a lease for the run that asks; a run that holds it already takes it again */
    take: {
      input: {
        /** The lease, such as bravo */
        readonly name: string;
        /** Seconds that the lease lives unless it is renewed */
        readonly ttl: number;
        /** The machine and process that will hold it */
        readonly from?: string;
      };
      output: {
        /** The lease, such as bravo */
        readonly name: string;
        /** The number that was given when the lease was taken */
        readonly fence: number;
        /** Milliseconds since the epoch */
        readonly since: number;
      };
    };
    /** Renews a lease */
    renew: {
      input: {
        /** The lease, such as bravo */
        readonly name: string;
        /** The number that was given when the lease was taken */
        readonly fence: number;
        /** Seconds that the lease lives unless it is renewed */
        readonly ttl: number;
      };
      output: {
        /** The lease, such as bravo */
        readonly name: string;
      };
    };
    /** Releases a lease; one that has already ended is not an error */
    release: {
      input: {
        /** The lease, such as bravo */
        readonly name: string;
        /** The number that was given when the lease was taken */
        readonly fence: number;
      };
      output: {
        readonly released: boolean;
      };
    };
    /** Ends a lease of any holder: the holder is refused from then on */
    break: {
      input: {
        /** The lease, such as bravo */
        readonly name: string;
      };
      output: {
        readonly broken: boolean;
        /** Who holds it */
        readonly caller?: string;
        /** For which run */
        readonly run?: string;
        /** From where, as the holder says */
        readonly from?: string;
        /** Milliseconds since the epoch */
        readonly since?: number;
      };
    };
    /** The leases that are held now */
    list: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly leases: readonly {
          /** The lease, such as bravo */
          readonly name: string;
          /** The number that was given when the lease was taken */
          readonly fence: number;
          /** Who holds it */
          readonly caller: string;
          /** For which run */
          readonly run: string;
          /** From where, as the holder says */
          readonly from: string;
          /** Milliseconds since the epoch */
          readonly since: number;
          /** Seconds until it ends by itself */
          readonly left: number;
        }[];
      };
    };
  };
  /** Runs monitoring plugins as nrpe.cfg defines them, or has an NRPE daemon run them */
  nrpe: {
    /** Runs one check; the call succeeds whatever state the check finds */
    runcommand: {
      input: {
        /** Name of a command in nrpe.cfg */
        readonly command: string;
        /** Arguments for $ARG1$, $ARG2$, …, separated by “!”, where the node allows them */
        readonly args?: string;
      };
      output: {
        readonly command: string;
        /** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN */
        readonly exitcode: number;
        readonly state: "OK" | "WARNING" | "CRITICAL" | "UNKNOWN";
        /** The output of the plugin, without performance data */
        readonly output: string;
        readonly perfdata: string;
      };
    };
    /** Runs every check that is defined and needs no argument; UNKNOWN where there is none */
    runallcommands: {
      input: Readonly<Record<string, never>>;
      output: {
        /** Of the worst check */
        readonly exitcode: number;
        readonly state: "OK" | "WARNING" | "CRITICAL" | "UNKNOWN";
        readonly checks: readonly {
          readonly command: string;
          /** 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN */
          readonly exitcode: number;
          readonly state: "OK" | "WARNING" | "CRITICAL" | "UNKNOWN";
          /** The output of the plugin, without performance data */
          readonly output: string;
          readonly perfdata: string;
        }[];
      };
    };
    /** Names of the checks that are defined, and why some of them are refused */
    list: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly commands: readonly string[];
        /** NAME: why it is not run; and the lines of the configuration that cannot be used */
        readonly refused: readonly string[];
      };
    };
  };
  /** Installs and updates those packages of the system that the node allows, by apt or dnf */
  package: {
    /** Returns the version of a package that is installed, and the newest one on offer */
    status: {
      input: {
        /** The package */
        readonly package: string;
      };
      output: {
        readonly package: string;
        /** Empty when it is not installed */
        readonly installed: string;
        /** Empty when none is on offer */
        readonly candidate: string;
      };
    };
    /** Returns which of the allowed packages have updates, or security updates */
    updates: {
      input: {
        /** Only security updates */
        readonly security?: boolean;
      };
      output: {
        /** What was changed, or would be */
        readonly packages: readonly {
          readonly package: string;
          /** The version that was installed; empty for none */
          readonly from: string;
          /** The version that is installed then */
          readonly to: string;
        }[];
      };
    };
    /** Installs a package, or changes it to a version */
    install: {
      input: {
        /** The package */
        readonly package: string;
        /** The version, as the package manager writes it; the newest when left out */
        readonly version?: string;
        /** Fetch the lists of packages first */
        readonly refresh?: boolean;
      };
      output: {
        readonly changed: boolean;
        /** What was changed, or would be */
        readonly packages: readonly {
          readonly package: string;
          /** The version that was installed; empty for none */
          readonly from: string;
          /** The version that is installed then */
          readonly to: string;
        }[];
        /** Whether the system asks for a reboot to finish updates */
        readonly reboot_required: boolean;
      };
    };
    /** Updates a package that is installed to a version, or all allowed packages that have updates */
    update: {
      input: {
        /** The package */
        readonly package?: string;
        /** The version, as the package manager writes it; the newest when left out */
        readonly version?: string;
        /** Without a package: only security updates */
        readonly security?: boolean;
        /** Fetch the lists of packages first */
        readonly refresh?: boolean;
      };
      output: {
        readonly changed: boolean;
        /** What was changed, or would be */
        readonly packages: readonly {
          readonly package: string;
          /** The version that was installed; empty for none */
          readonly from: string;
          /** The version that is installed then */
          readonly to: string;
        }[];
        /** Whether the system asks for a reboot to finish updates */
        readonly reboot_required: boolean;
      };
    };
  };
  /** Receives artifacts from operators and from other nodes, and keeps them for appmgr */
  publish: {
    /** Checks the ticket of an artifact, the limits and the disk, and accepts the ticket */
    prepare: {
      input: {
        /** A SignedTicket of proto/mco/v1/node.proto (Base64) */
        readonly ticket: string;
      };
      output: {
        /** SHA-256 of the signed ticket (hex) */
        readonly ticket: string;
        /** Whether the revision is complete here */
        readonly published: boolean;
        /** Chunks that the node lacks */
        readonly missing: number;
        /** Which chunks the node lacks */
        readonly ranges: readonly {
          readonly first: number;
          readonly count: number;
        }[];
      };
    };
    /** Copies an accepted artifact from other nodes, verifies all of it, and publishes it to appmgr */
    fetch: {
      input: {
        /** SHA-256 of the signed ticket (hex) */
        readonly ticket: string;
        /** Nodes that hold it, in the order to ask; empty when the node has all parts */
        readonly sources: readonly {
          readonly node: string;
          /** Where its identity was proven, as HOST:PORT */
          readonly addresses: readonly string[];
        }[];
      };
      output: {
        readonly application: string;
        readonly revision: string;
        /** SHA-256 of the artifact (hex) */
        readonly sha256: string;
        readonly size: number;
        /** False when it was published here already */
        readonly changed: boolean;
        /** Bytes that other nodes sent in this call */
        readonly received: number;
        /** The nodes that sent them */
        readonly sources: readonly string[];
        /** Nodes that sent nothing, and why */
        readonly rejected: readonly {
          readonly node: string;
          readonly code: string;
          readonly message: string;
        }[];
      };
    };
    /** The published artifacts on the node, and what is being received */
    list: {
      input: {
        /** The application */
        readonly application?: string;
      };
      output: {
        /** The applications whose artifacts the node takes */
        readonly takes: readonly string[];
        /** The newest first */
        readonly published: readonly {
          readonly application: string;
          readonly revision: string;
          /** SHA-256 of the artifact (hex) */
          readonly sha256: string;
          /** Bytes */
          readonly size: number;
          /** When it was complete here (milliseconds since the epoch) */
          readonly at: number;
          /** The operator who published it, as policies write it */
          readonly by: string;
          /** Whether a signature came with it */
          readonly signed: boolean;
        }[];
        readonly receiving: readonly {
          /** SHA-256 of the artifact (hex) */
          readonly sha256: string;
          readonly size: number;
          /** Bytes that are here */
          readonly have: number;
        }[];
        /** Bytes of all artifacts */
        readonly used: number;
        /** Bytes free on the disk */
        readonly free: number;
        /** Bytes that artifacts may take */
        readonly max_total: number;
      };
    };
    /** Removes published artifacts; what appmgr has unpacked stays */
    prune: {
      input: {
        /** The application */
        readonly application: string;
        /** How many of the newest stay */
        readonly keep: number;
        /** Revisions that stay in any case, such as the one that serves */
        readonly held?: readonly string[];
      };
      output: {
        /** Revisions */
        readonly removed: readonly string[];
        /** Bytes */
        readonly freed: number;
      };
    };
  };
  /** Returns information on the node and the daemon */
  rpcutil: {
    /** Returns the time, to show that the agent can be called */
    ping: {
      input: Readonly<Record<string, never>>;
      output: {
        /** Seconds since the epoch */
        readonly pong: number;
      };
    };
    /** Returns the agents, classes, facts and version of the node */
    inventory: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly agents: readonly string[];
        readonly classes: readonly string[];
        readonly facts: Readonly<Record<string, unknown>>;
        readonly version: string;
        readonly warnings: readonly string[];
      };
    };
    /** Returns the value of one fact; null where the node has no such fact */
    get_fact: {
      input: {
        /** The name of a fact */
        readonly fact: string;
      };
      output: {
        readonly fact: string;
        readonly value: unknown;
      };
    };
    /** Returns the values of several facts */
    get_facts: {
      input: {
        /** Names, separated by commas */
        readonly facts: string;
      };
      output: {
        readonly values: Readonly<Record<string, unknown>>;
      };
    };
    /** Returns the collectives of the node: the fleet is the only one */
    collective_info: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly main_collective: string;
        readonly collectives: readonly string[];
      };
    };
    /** Returns a value of the configuration of the daemon; only those without secrets can be requested */
    get_config_item: {
      input: {
        /** The name of an item */
        readonly item: string;
      };
      output: {
        readonly item: string;
        readonly value: unknown;
      };
    };
    /** Looks something up on the node: an agent, a class or a fact by its name */
    get_data: {
      input: {
        /** What to look up */
        readonly source: "agent" | "class" | "fact";
        /** Its name */
        readonly query: string;
      };
      output: {
        readonly found: boolean;
        /** What is known of it, or null */
        readonly value: unknown;
      };
    };
    /** Returns counters and memory of the daemon */
    daemon_stats: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly pid: number;
        readonly version: string;
        /** Seconds since the epoch */
        readonly starttime: number;
        /** Seconds */
        readonly uptime: number;
        /** Resident set size */
        readonly memory_bytes: number;
        /** User and system */
        readonly cpu_seconds: number;
        readonly configfile: string;
        readonly counters: Readonly<Record<string, number>>;
        readonly agents: readonly string[];
      };
    };
    /** Returns which actions the caller may call here, by the current policies; calls none of them */
    may_i: {
      input: {
        /** AGENT.ACTION, separated by commas */
        readonly actions: string;
      };
      output: {
        readonly allowed: readonly string[];
        readonly denied: readonly string[];
        /** Of agents that do not run here */
        readonly unknown: readonly string[];
      };
    };
    /** Returns information on the agents of the node */
    agent_inventory: {
      input: Readonly<Record<string, never>>;
      output: {
        readonly agents: readonly {
          readonly name: string;
          readonly version: string;
          readonly author: string;
          readonly license: string;
          readonly description: string;
          readonly url: string;
          readonly timeout: number;
        }[];
      };
    };
  };
  /** Starts, stops and restarts services of systemd that the node allows */
  service: {
    /** Returns the state of a service */
    status: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
      };
    };
    /** Starts a service and waits until it is active */
    start: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
    /** Stops a service and waits until it is inactive */
    stop: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
    /** Restarts a service, or starts it, and waits until it is active */
    restart: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
    /** Has a service read its configuration again, and checks that it stays active */
    reload: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
    /** Has a service start at boot */
    enable: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
    /** Has a service not start at boot */
    disable: {
      input: {
        /** The service */
        readonly service: string;
      };
      output: {
        readonly service: string;
        /** As systemd names it: active, inactive, failed, … */
        readonly state: string;
        /** The state in more detail: running, dead, … */
        readonly detail: string;
        /** Whether it starts at boot: enabled, disabled, static, … */
        readonly enabled: string;
        /** Its main process; 0 for none */
        readonly pid: number;
        /** When it came into this state; empty where it never did */
        readonly since: string;
        readonly changed: boolean;
      };
    };
  };
}
