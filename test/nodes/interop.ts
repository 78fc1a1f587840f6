/** Other people's BitTorrent clients, where the machine has them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** Debian's package is for the system's Python, whatever else is on the path. */
const python = '/usr/bin/python3';

export function hasLibtorrent(): boolean {
  return spawnSync(python, ['-c', 'import libtorrent']).status === 0;
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

export function libtorrentInfoHash(path: string, pieceLength: number): string {
  const script = [
    'import libtorrent as lt, sys, os',
    'fs = lt.file_storage(); lt.add_files(fs, sys.argv[1])',
    'ct = lt.create_torrent(fs, int(sys.argv[2]), lt.create_torrent.v1_only)',
    'lt.set_piece_hashes(ct, os.path.dirname(sys.argv[1]))',
    'print(lt.torrent_info(ct.generate()).info_hash())',
  ].join('\n');
  const child = spawnSync(python, ['-c', script, path, String(pieceLength)], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr);
  return child.stdout.trim();
}

/** Seeds or fetches with libtorrent until it is ended; a leech ends by itself once its file is whole. */
export function libtorrent(mode: 'seed' | 'leech', torrent: string, directory: string, peer: string): ChildProcess {
  const script = `
import libtorrent as lt, sys, time
mode, torrent, directory, peer = sys.argv[1:5]
host, port = peer.rsplit(':', 1)
s = lt.session({'listen_interfaces': '127.0.0.1:' + (port if mode == 'seed' else '0'), 'enable_dht': False,
  'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False,
  'allow_multiple_connections_per_ip': True})
if torrent.startswith('magnet:'): p = lt.parse_magnet_uri(torrent)
else:
  p = lt.add_torrent_params(); p.ti = lt.torrent_info(torrent)
p.save_path = directory
if mode == 'seed': p.flags |= lt.torrent_flags.seed_mode
h = s.add_torrent(p)
while True:
  if mode == 'leech':
    h.connect_peer((host, int(port)))
    if h.status().is_seeding: break
  time.sleep(0.5)
h.flush_cache(); time.sleep(2)
`;
  return spawn(python, ['-c', script, mode, torrent, directory, peer], { stdio: 'ignore' });
}

export function aria2(torrent: string, directory: string, more: string[]): ChildProcess {
  const quiet = ['--enable-dht=false', '--bt-enable-lpd=false', '--enable-peer-exchange=false', '--quiet'];
  return spawn('aria2c', [...quiet, `--dir=${directory}`, ...more, torrent], { stdio: 'ignore' });
}

export function transmission(torrent: string, directory: string, port: number): ChildProcess {
  const options = ['-ep', '-g', `${directory}/.transmission`, '-p', String(port), '-w', directory];
  return spawn('transmission-cli', [...options, torrent], { stdio: 'ignore' });
}

export function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once('exit', resolve);
  });
}
