import type { FileTree } from './file-tree.ts';
import { firstRevision, releaseFiles, releaseSum } from './releases.ts';

/** A web server on what `current` points to, and Debian's plugins to check it with. */
export function webFiles(): FileTree {
  return {
    'etc/nginx/nginx.conf': nginx,
    'etc/nagios/nrpe.cfg': nrpe,
    'var/log/nginx/': '',
    'var/lib/nginx/': '',
    'srv/artifacts/': '',
    ...deployed(firstRevision),
    'services.sh': 'nginx\nsetsid lab-daemon &\n',
  };
}

const nginx = `# The daemon's appmgr agent has it reload.
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/plain;
  keepalive_timeout 30s;
  server {
    listen 80;
    root /srv/app/current;
    location / { try_files $uri $uri/index.html =404; }
    location = /health { try_files /health =503; }
  }
}
`;

const plugins = '/usr/lib/nagios/plugins';
const nrpe = `command[check_load]=${plugins}/check_load -w 5,4,3 -c 10,8,6
command[check_http]=${plugins}/check_http -H 127.0.0.1 -u /health -e 200
command[check_disk]=${plugins}/check_disk -w 100 -c 50 -p /srv
`;

/** A release as appmgr leaves it: whole, marked and current. */
function deployed(revision: string): FileTree {
  const files: Record<string, FileTree[string]> = {};
  for (const { path, content } of releaseFiles(revision)) files[`srv/app/releases/${revision}/${path}`] = content;
  files[`srv/app/releases/.${revision}.json`] = `${JSON.stringify({ sha256: releaseSum(revision) })}\n`;
  files['srv/app/current'] = { link: `releases/${revision}` };
  return files;
}
