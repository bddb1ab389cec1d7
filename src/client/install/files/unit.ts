export const unitFile = '/etc/systemd/system/mco-deploy.service';

/** The service of a node that was installed as a bare binary; the Debian package has a stricter one. */
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

export const configSocketFile = '/etc/systemd/system/mco-deploy-config.socket';
export const configServiceFile = '/etc/systemd/system/mco-deploy-config@.service';

/** The path at which the daemon reaches the program that writes its configuration. */
export const configSocketText = `[Unit]
Description=mco-deploy: changes of the configuration

[Socket]
ListenStream=/run/mco-deploy-config.sock
SocketMode=0600
Accept=yes
MaxConnections=8

[Install]
WantedBy=sockets.target
`;

/** It outlives the daemon that it restarts. */
export function configServiceText(program: string, directory: string): string {
  return `[Unit]
Description=mco-deploy: a change of the configuration
CollectMode=inactive-or-failed

[Service]
ExecStart=${program} config-helper --directory ${directory}
StandardInput=socket
StandardOutput=socket
StandardError=journal
`;
}
