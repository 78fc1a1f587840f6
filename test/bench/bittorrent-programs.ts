/** BitTorrent programs as processes: each seeds or fetches what a torrent names, with its tracker alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { aria2, has, hasLibtorrent, transmission } from '../nodes/interop.ts';

export interface Program {
  name: string;
  isHere(): boolean;
  /** IPv4 address by which its seed is to be reached. */
  address(): string;
  seed(torrent: string, directory: string): ChildProcess;
  fetch(torrent: string, directory: string): ChildProcess;
}

const loopback = '127.0.0.1';
const launcher = fileURLToPath(new URL('../../sluice', import.meta.url));

/** `sluice client` with more options, such as `--manifest`. */
export function sluice(name: string, more: (directory: string) => string[] = () => []): Program {
  const run = (torrent: string, directory: string, options: string[]) =>
    spawn(
      launcher,
      [
        'client',
        '--torrent',
        torrent,
        '--dir',
        directory,
        '--listen-peers',
        '127.0.0.1:0',
        '--seed',
        'forever',
        ...options,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  return {
    name,
    isHere: () => true,
    address: () => loopback,
    seed: (torrent, directory) => run(torrent, directory, []),
    fetch: (torrent, directory) => run(torrent, directory, more(directory)),
  };
}

const libtorrentScript = `
import libtorrent as lt, sys, time
mode, torrent, directory = sys.argv[1:4]
s = lt.session({'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
  'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False, 'stop_tracker_timeout': 0})
p = lt.add_torrent_params(); p.ti = lt.torrent_info(torrent); p.save_path = directory
if mode == 'seed': p.flags |= lt.torrent_flags.seed_mode
s.add_torrent(p)
while True: time.sleep(60)
`;

const libtorrent: Program = {
  name: 'libtorrent',
  isHere: hasLibtorrent,
  address: () => loopback,
  seed: (torrent, directory) =>
    spawn('/usr/bin/python3', ['-c', libtorrentScript, 'seed', torrent, directory], { stdio: 'ignore' }),
  fetch: (torrent, directory) =>
    spawn('/usr/bin/python3', ['-c', libtorrentScript, 'fetch', torrent, directory], { stdio: 'ignore' }),
};

const aria2Program: Program = {
  name: 'aria2',
  isHere: () => has('aria2c'),
  address: () => loopback,
  seed: (torrent, directory) =>
    aria2(torrent, directory, ['--bt-seed-unverified=true', '--seed-ratio=0', '--allow-overwrite=true']),
  fetch: (torrent, directory) => aria2(torrent, directory, ['--seed-ratio=0', '--file-allocation=trunc']),
};

const transmissionProgram: Program = {
  name: 'Transmission',
  isHere: () => has('transmission-cli') && ownAddress() !== undefined,
  // It takes no peer at a loopback address; to an address of the machine's own the way is the same.
  address: () => ownAddress()!,
  seed: (torrent, directory) => runTransmission(torrent, directory, 51_413),
  fetch: (torrent, directory) => runTransmission(torrent, directory, 51_414),
};

function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function runTransmission(torrent: string, directory: string, port: number): ChildProcess {
  mkdirSync(`${directory}/.transmission`, { recursive: true });
  return transmission(torrent, directory, port);
}

export const others: Program[] = [libtorrent, aria2Program, transmissionProgram];
