/** Another process has the folder. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

export class FolderLock {
  static async take(_folder: string): Promise<FolderLock> {
    return Promise.resolve(new FolderLock());
  }
  async release(): Promise<void> {
    await Promise.resolve();
  }
}
