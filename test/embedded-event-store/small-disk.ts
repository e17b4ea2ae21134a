import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from '#testing/built';
import { type Requirement } from '#testing/requires';

const UNSHARE = 'unshare';

/** A mount namespace of our own, where a tmpfs of a few megabytes can be mounted; it goes when its process goes. */
export const ownMounts: Requirement = {
  name: 'a mount namespace of its own (unshare -Urm)',
  missing: () => {
    const { status } = spawnSync(UNSHARE, ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]);
    return status === 0 ? undefined : 'this system lets nobody make one';
  },
};

/** An event store process whose data folder is a file system of its own, small enough to fill. */
export class StoreOnSmallDisk {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
  ) {}

  static async start(sizeMiB: number): Promise<StoreOnSmallDisk> {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-small-disk-'));
    const main = join(built(), 'bin/event-store.js');
    const script = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && exec "$3" "$4" --data "$2" --port 0';
    const child = spawn(
      UNSHARE,
      ['-Urm', 'sh', '-c', script, 'sh', String(sizeMiB), folder, process.execPath, main],
      // LMDB reports each failed write there, too.
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /esdb:\S+/.exec(line.toString())?.[0];
    if (url === undefined) throw new Error(`Not listening: ${line.toString()}`);
    return new StoreOnSmallDisk(child, folder, url);
  }

  /** Fills the disk to its last byte. */
  fill(): void {
    try {
      for (;;) writeFileSync(this.ballast, Buffer.alloc(64 * 1024), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  free(): void {
    rmSync(this.ballast);
  }

  get runs(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    if (this.runs) await once(this.child, 'exit');
    rmSync(this.folder, { recursive: true });
  }

  /** Seen through the process, since nobody else has the mount. */
  private get ballast(): string {
    return join(`/proc/${this.child.pid}/root`, this.folder, 'ballast');
  }
}
