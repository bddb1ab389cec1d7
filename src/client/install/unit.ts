export const unitFile = '/etc/systemd/system/mco-deploy.service';

/** The service of a node that was installed as a bare binary; the Debian package brings a stricter one of its own. */
export function unitText(program: string, directory: string): string {
  return `[Unit]
Description=mco-deploy daemon
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
# The daemon reports its state through systemd-notify(1), which is another process.
NotifyAccess=all
ExecStart=${program} daemon --config ${directory}/node.yaml
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
WatchdogSec=60
# Running calls get 20 s to end.
TimeoutStopSec=40
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;
}
