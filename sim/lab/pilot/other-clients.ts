/** Other people's BitTorrent clients in the place of ours: how each is started, and how it says that it is done. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerPort } from './network.ts';

export type OtherKind = 'aria2' | 'transmission' | 'libtorrent';
export type ClientKind = 'sluice' | OtherKind;

/** Debian's package is for the system's Python, whatever else is on the path. */
const python = '/usr/bin/python3';

const libtorrentScript = `
import libtorrent, sys, time
torrent, directory, address, done = sys.argv[1:5]
session = libtorrent.session({'listen_interfaces': address, 'enable_dht': False, 'enable_lsd': False,
  'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False})
parameters = libtorrent.add_torrent_params()
parameters.ti = libtorrent.torrent_info(torrent)
parameters.save_path = directory
handle = session.add_torrent(parameters)
while not handle.status().is_seeding: time.sleep(0.02)
open(done, 'w').close()
while True: time.sleep(1)
`;

/** Why it is not here; undefined where it is. */
export function otherClientProblem(kind: OtherKind): string | undefined {
  const [program, ...given] = {
    aria2: ['aria2c', '--version'],
    transmission: ['transmission-cli', '--version'],
    libtorrent: [python, '-c', 'import libtorrent'],
  }[kind];
  const { error, status } = spawnSync(program!, given);
  return error === undefined && status === 0 ? undefined : `${program} is not installed, or does not start`;
}

/** Its command line; it makes the file `done` once it has everything, and serves on. */
export function otherClientCommand(
  kind: OtherKind,
  { directory, torrent, address }: { directory: string; torrent: string; address: string },
): { command: string[]; done: string } {
  mkdirSync(directory, { recursive: true });
  const done = join(directory, 'done');
  const hook = join(directory, 'hook.sh');
  writeFileSync(hook, `#!/bin/sh\n: > '${done}'\n`);
  chmodSync(hook, 0o700);
  return { command: commandOf(kind, { directory, torrent, address, hook, done }), done };
}

interface Places {
  directory: string;
  torrent: string;
  address: string;
  hook: string;
  done: string;
}

function commandOf(kind: OtherKind, { directory, torrent, address, hook, done }: Places): string[] {
  switch (kind) {
    case 'aria2': {
      const quiet = ['--quiet', '--enable-dht=false', '--bt-enable-lpd=false', '--file-allocation=none'];
      const serve = ['--seed-ratio=0', `--listen-port=${peerPort}`, `--on-bt-download-complete=${hook}`];
      return ['aria2c', ...quiet, ...serve, `--dir=${directory}`, torrent];
    }
    case 'transmission': {
      const configuration = join(directory, 'configuration');
      mkdirSync(configuration);
      const settings = {
        'dht-enabled': false,
        'lpd-enabled': false,
        'utp-enabled': false,
        'port-forwarding-enabled': false,
        'peer-port': peerPort,
        'bind-address-ipv4': address,
      };
      writeFileSync(join(configuration, 'settings.json'), JSON.stringify(settings));
      const where = ['-g', configuration, '-w', directory, '-p', String(peerPort)];
      return ['transmission-cli', ...where, '-f', hook, torrent];
    }
    case 'libtorrent':
      return [python, '-c', libtorrentScript, torrent, directory, `${address}:${peerPort}`, done];
    default:
      return kind satisfies never;
  }
}
